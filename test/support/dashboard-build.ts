import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";

/** The dashboard built from its sources, in a folder of its own. */
export async function buildDashboard(): Promise<{ readonly folder: URL; remove(): void }> {
  const outDir = mkdtempSync(join(tmpdir(), "actorfleet-dashboard-"));
  const configFile = fileURLToPath(new URL("../../src/http/dashboard/vite.config.ts", import.meta.url));
  await build({ configFile, logLevel: "error", build: { outDir, emptyOutDir: true } });
  return { folder: pathToFileURL(`${outDir}/`), remove: () => rmSync(outDir, { recursive: true, force: true }) };
}
