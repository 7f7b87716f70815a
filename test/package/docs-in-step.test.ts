import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as errors from "../../src/model/errors.ts";
import { documentedErrors, fillReadme, readmeBlocks } from "../support/readme-blocks.ts";

const readText = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const readme = readText("README.md");
const blocks = readmeBlocks();

describe("README", () => {
  it.each(Object.keys(blocks))("shows %s as the code says (else: npm run docs)", (name) => {
    const block = blocks[name] ?? "";
    expect(readme).toContain(`<!-- generated:${name} -->\n\n${block}\n\n<!-- /generated:${name} -->`);
  });

  it("has no place for a part that nothing generates", () => {
    expect(fillReadme(readme, blocks)).toBe(readme);
  });

  it("lists every error class that can be caught, and none that is gone", () => {
    const isErrorClass = (value: unknown): value is typeof errors.ActorfleetError =>
      typeof value === "function" && value.prototype instanceof errors.ActorfleetError;
    const exported = Object.entries(errors).filter(([, value]) => isErrorClass(value));
    expect(documentedErrors().map(({ name }) => name)).toEqual(expect.arrayContaining(exported.map(([name]) => name)));
    expect(documentedErrors()).toHaveLength(exported.length);
  });

  it("gives each error its own code", () => {
    const codes = documentedErrors().map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it("names only commands that package.json has", () => {
    const { scripts } = JSON.parse(readText("package.json")) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it("gives a reason for every package that is installed with this one", () => {
    const { dependencies, peerDependencies } = JSON.parse(readText("package.json")) as Record<string, Record<string, string>>;
    const rows = [...Object.keys(dependencies ?? {}), ...Object.keys(peerDependencies ?? {})].filter(
      (name) => !new RegExp(`^\\| \`${name}\`.*\\|.*\\w`, "m").test(readme),
    );
    expect(rows).toEqual([]);
  });
});

describe("CI", () => {
  it("runs the test command that README names", () => {
    expect(readme).toContain("npm ci && npm test");
    expect(readText(".ci/run")).toMatch(/^\s*npm ci [^\n]*\n[\s\S]*^npm test /m);
  });
});
