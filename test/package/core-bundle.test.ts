import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type ImportKind } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

/** About 15 % above what was measured last. Raise it knowingly: users of browsers pay it. */
const ceilingBytes = 27_000;

/** What makes a bundle fail to load where there is no Node; an `import()` fails only when it is reached. */
const staticKinds: readonly ImportKind[] = ["import-statement", "require-call", "require-resolve"];

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("the core, bundled for a browser with its dependencies but without its peer", () => {
  let code: Uint8Array;
  let imports: { path: string; kind: ImportKind | "file-loader" | (string & {}) }[];

  beforeAll(async () => {
    const { outputFiles, metafile } = await build({
      absWorkingDir: root,
      entryPoints: ["src/index.ts"],
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
    process.stdout.write(`core bundle: ${bytes} bytes gzip, ${code.byteLength} minified; ceiling ${ceilingBytes}\n`);
    expect(code.byteLength).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(ceilingBytes);
  });
});
