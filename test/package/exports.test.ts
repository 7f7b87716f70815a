import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { publicNames } from "../support/public-names.ts";

const root = new URL("../../", import.meta.url);
const packageJson = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
  exports: Record<string, string | Record<string, string>>;
};
const entries = Object.entries(packageJson.exports).flatMap(([subpath, target]) =>
  typeof target === "string" ? [] : [{ subpath, target, source: (target.default ?? "").replace(/^\.\/dist\/(.*)\.js$/, "$1.ts") }],
);

describe.each(entries)("the entry $subpath", ({ target, source }) => {
  it("is built from a source file, and names its types first", () => {
    expect(existsSync(new URL(source, root)), source).toBe(true);
    expect(target).toEqual({ types: `./dist/${source.replace(/\.ts$/, ".d.ts")}`, default: `./dist/${source.replace(/\.ts$/, ".js")}` });
    expect(Object.keys(target)[0]).toBe("types");
  });

  it("lists names and has no logic", () => {
    const statements = readFileSync(new URL(source, root), "utf8")
      .replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")
      .replace(/export (?:type )?\{[^}]*\} from "[^"]+";/g, "");
    expect(statements.trim()).toBe("");
  });

  it("documents every public name", () => {
    const undocumented = publicNames(new URL(source, root)).filter(({ documented }) => !documented);
    expect(undocumented.map(({ name, file }) => `${name} in ${file}`)).toEqual([]);
  });
});
