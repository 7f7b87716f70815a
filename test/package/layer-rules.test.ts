import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Case {
  file: string;
  code: string;
  /** The rule that must refuse it; none for what a layer may do. */
  rule?: string;
}

const imports = (from: string): string => `import { thing } from "${from}";\nexport const use = thing;\n`;

/** One file per case in a project of its own, with this project's Biome settings. */
const cases: Record<string, Case> = {
  "model imports model": { file: "src/model/a.ts", code: imports("./thing.ts") },
  "model takes types of xstate": { file: "src/model/b.ts", code: 'export type { AnyActor } from "xstate";\n' },
  "model runs xstate": { file: "src/model/c.ts", code: imports("xstate"), rule: "plugin" },
  "model imports ports": { file: "src/model/d.ts", code: imports("../ports/thing.ts"), rule: "noRestrictedImports" },
  "model imports a package": { file: "src/model/e.ts", code: imports("nanoid"), rule: "noRestrictedImports" },
  "ports import model": { file: "src/ports/a.ts", code: imports("../model/thing.ts") },
  "ports import zod": { file: "src/ports/b.ts", code: imports("zod"), rule: "noRestrictedImports" },
  "machines import xstate": { file: "machines/a.ts", code: imports("xstate") },
  "machines import model": { file: "machines/b.ts", code: imports("../src/model/thing.ts") },
  "machines import core": { file: "machines/c.ts", code: imports("../src/core/thing.ts"), rule: "noRestrictedImports" },
  "machines import ports": { file: "machines/d.ts", code: imports("../src/ports/thing.ts"), rule: "noRestrictedImports" },
  "core imports machines": { file: "src/core/a.ts", code: imports("../../machines/thing.ts") },
  "core imports its packages": { file: "src/core/b.ts", code: imports("@xstate/store") },
  "core imports an adapter": { file: "src/core/c.ts", code: imports("../adapters/memory/thing.ts"), rule: "noRestrictedImports" },
  "core imports Node": { file: "src/core/d.ts", code: imports("node:fs"), rule: "noRestrictedImports" },
  "core reads the environment": { file: "src/core/e.ts", code: "export const home = process.env.HOME;\n", rule: "noProcessEnv" },
  "settings import core": { file: "src/settings/a.ts", code: imports("../core/thing.ts"), rule: "noRestrictedImports" },
  "an adapter imports its own files, ports and its SDK": {
    file: "src/adapters/sqlite/a.ts",
    code: 'export { thing } from "./thing.ts";\nexport { thing as port } from "../../ports/thing.ts";\nexport { Pool } from "pg";\n',
  },
  "an adapter imports another": { file: "src/adapters/sqlite/b.ts", code: imports("../memory/thing.ts"), rule: "noRestrictedImports" },
  "an adapter imports core": { file: "src/adapters/sqlite/c.ts", code: imports("../../core/thing.ts"), rule: "noRestrictedImports" },
  "testing imports the memory adapter": { file: "src/testing/a.ts", code: imports("../adapters/memory/thing.ts") },
  "testing imports vitest": { file: "src/testing/b.ts", code: imports("vitest"), rule: "noRestrictedImports" },
  "http imports an adapter": { file: "src/http/a.ts", code: imports("../adapters/sqlite/thing.ts"), rule: "noRestrictedImports" },
  "the root entry exports an adapter": {
    file: "src/index.ts",
    code: 'export { thing } from "./adapters/sqlite/thing.ts";\n',
    rule: "noRestrictedImports",
  },
  "system-clock.ts touches real time": {
    file: "src/core/system-clock.ts",
    code: "export const now = (): number => Date.now();\nexport const later = (act: () => void): unknown => setTimeout(act, 1);\n",
  },
  "another file starts a timer": {
    file: "src/core/f.ts",
    code: "export const later = (act: () => void): unknown => setTimeout(act, 1);\n",
    rule: "noRestrictedGlobals",
  },
  "another file reads the time": { file: "src/core/g.ts", code: "export const now = (): number => Date.now();\n", rule: "plugin" },
  "another file measures time": { file: "src/core/h.ts", code: "export const now = (): number => performance.now();\n", rule: "plugin" },
  "another file makes a date of now": { file: "src/core/i.ts", code: "export const now = (): Date => new Date();\n", rule: "plugin" },
  "a machine draws a number": { file: "machines/e.ts", code: "export const dice = (): number => Math.random();\n", rule: "plugin" },
  "a file prints": { file: "src/core/j.ts", code: 'console.log("here");\n', rule: "noConsole" },
  "an import without extension": { file: "src/core/k.ts", code: imports("./thing"), rule: "useImportExtensions" },
  "a promise that nobody awaits": {
    file: "src/core/l.ts",
    code: "async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n",
    rule: "noFloatingPromises",
  },
  "the type any": { file: "src/core/m.ts", code: "export const anything: any = 1;\n", rule: "noExplicitAny" },
  "one side of a cycle": { file: "src/core/n.ts", code: 'export { o } from "./o.ts";\nexport const n = 1;\n', rule: "noImportCycles" },
  "the other side of it": { file: "src/core/o.ts", code: 'import { n } from "./n.ts";\nexport const o = n;\n', rule: "noImportCycles" },
  "a file name that is not in kebab-case": { file: "src/core/NotKebab.ts", code: "export const x = 1;\n", rule: "useFilenamingConvention" },
  "a test that is left out": {
    file: "test/unit/a.test.ts",
    code: 'import { it } from "vitest";\nit.skip("promise", () => {});\n',
    rule: "noSkippedTests",
  },
};

describe("the linter", () => {
  const project = mkdtempSync(join(tmpdir(), "actorfleet-layers-"));
  const refusals = new Map<string, string[]>();

  beforeAll(() => {
    for (const name of [".biome.json", ".biome", "tsconfig.json", "package.json"])
      cpSync(join(root, name), join(project, name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
    spawnSync("git", ["init", "--quiet"], { cwd: project });
    const write = (file: string, code: string): void => {
      mkdirSync(join(project, dirname(file)), { recursive: true });
      writeFileSync(join(project, file), code);
    };
    const folders = ["model", "ports", "core", "adapters/memory", "adapters/sqlite", "../machines"];
    for (const folder of folders) write(`src/${folder}/thing.ts`, "export const thing = 1;\n");
    for (const { file, code } of Object.values(cases)) write(file, code);

    const { stderr } = spawnSync(join(root, "node_modules/.bin/biome"), ["lint", "--max-diagnostics=none", "--colors=off"], {
      cwd: project,
      encoding: "utf8",
    });
    for (const [, file = "", rule = ""] of stderr.matchAll(/^(\S+?)(?::\d+:\d+)? (?:lint\/\w+\/)?(\w+) .*━$/gm)) {
      refusals.set(file, [...(refusals.get(file) ?? []), rule]);
    }
  });

  afterAll(() => rmSync(project, { recursive: true }));

  it.each(Object.entries(cases).filter(([, { rule }]) => rule !== undefined))("refuses: %s", (_, { file, rule }) => {
    expect(refusals.get(file) ?? []).toContain(rule);
  });

  it.each(Object.entries(cases).filter(([, { rule }]) => rule === undefined))("allows: %s", (_, { file }) => {
    expect(refusals.get(file) ?? []).toEqual([]);
  });
});
