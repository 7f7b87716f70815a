import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A program of the tests as one file of JavaScript, which starts several times faster than its sources. */
export interface ProgramBundle {
  readonly file: string;
  remove(): void;
}

export async function bundleProgram(source: URL): Promise<ProgramBundle> {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-program-"));
  const file = join(folder, "program.mjs");
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: file,
    ...{ bundle: true, platform: "node", format: "esm", external: ["pg-native"], logLevel: "silent" },
    // Parts of pg are CommonJS and require modules of Node.
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);` },
  });
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
