import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type ImportKind } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

/** About 15 % above what was measured last. Raise them knowingly: users of browsers pay for it. */
const entries = [
  { name: "createCoordinator", source: 'export { createCoordinator } from "./src/index.ts";', ceilingBytes: 77_000 },
  { name: "everything, YAML included", source: 'export * from "./src/index.ts";', ceilingBytes: 134_000 },
];

/** What makes a bundle fail to load where there is no Node; an `import()` fails only when it is reached. */
const staticKinds: readonly ImportKind[] = ["import-statement", "require-call", "require-resolve"];

const root = fileURLToPath(new URL("../..", import.meta.url));

describe.each(entries)("$name, bundled for a browser with its dependencies but without its peer", ({ name, source, ceilingBytes }) => {
  let code: Uint8Array;
  let imports: { path: string; kind: ImportKind | "file-loader" | (string & {}) }[];

  beforeAll(async () => {
    const { outputFiles, metafile } = await build({
      absWorkingDir: root,
      stdin: { contents: source, resolveDir: root, loader: "ts" },
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      outfile: "core.js",
      format: "esm",
      platform: "browser",
      target: "es2023",
      external: ["xstate", "xstate/*", "node:*"],
      logLevel: "silent",
    });
    code = outputFiles[0]?.contents ?? new Uint8Array();
    imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  });

  it("imports no module of Node and nothing else but xstate", () => {
    const atLoad = imports.filter(({ kind }) => (staticKinds as readonly string[]).includes(kind)).map(({ path }) => path);
    expect([...new Set(atLoad)]).toEqual(["xstate"]);
  });

  it("stays below its size", () => {
    const bytes = gzipSync(code, { level: 9 }).byteLength;
    process.stdout.write(`bundle of ${name}: ${bytes} bytes gzip, ${code.byteLength} minified; ceiling ${ceilingBytes}\n`);
    expect(code.byteLength).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(ceilingBytes);
  });
});
