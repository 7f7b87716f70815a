import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const cache = fileURLToPath(new URL("../../node_modules/.cache/programs/", import.meta.url));
const bundles = new Map<string, Promise<string>>();

/**
 * Resolves to the file of a program of the tests as JavaScript, which starts several times faster than its sources; what it imports only
 * when it needs it has files of its own. The same program is always at the same place, so that Node finds its compiled code again.
 */
export function bundleProgram(source: URL): Promise<string> {
  const bundle = bundles.get(source.href) ?? writeBundle(fileURLToPath(source));
  bundles.set(source.href, bundle);
  return bundle;
}

async function writeBundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: { program: source },
    outdir: cache,
    outExtension: { ".js": ".mjs" },
    ...{ bundle: true, splitting: true, write: false, platform: "node", format: "esm", logLevel: "silent" },
    // What is imported by name is not found in a file of its own that is CommonJS: modules where a package has both, else the package itself.
    mainFields: ["module", "main"],
    external: ["pg-native", "ioredis"],
    // Parts of pg are CommonJS and require modules of Node.
    banner: { js: `import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);` },
  });
  const hash = createHash("sha256");
  for (const { path, contents } of outputFiles) hash.update(path).update(contents);
  const folder = join(cache, `${basename(source, ".ts")}-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const unfinished = mkdtempSync(join(cache, "unfinished-"));
    for (const { path, contents } of outputFiles) writeFileSync(join(unfinished, basename(path)), contents);
    try {
      renameSync(unfinished, folder);
    } catch {
      // Another process has just done the same.
      rmSync(unfinished, { recursive: true });
    }
  }
  return join(folder, "program.mjs");
}
