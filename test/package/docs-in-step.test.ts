import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as errors from "../../src/index.ts";
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
    const documented = new Set(documentedErrors().map(({ name }) => name));
    expect([...documented].sort()).toEqual(exported.map(([name]) => name).sort());
  });

  it("gives each error its own code", () => {
    const codes = documentedErrors().map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it("links only to files and headings that are there", () => {
    const readme = readText("README.md");
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(
      ([, text = ""]) =>
        `#${text
          .toLowerCase()
          .replace(/[^\w\- ]/g, "")
          .replaceAll(" ", "-")}`,
    );
    const targets = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target).filter((target) => !target.includes("://"));
    const broken = targets.filter((target) =>
      target.startsWith("#") ? !headings.includes(target) : !existsSync(new URL(`../../${target}`, import.meta.url)),
    );
    expect(broken).toEqual([]);
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
