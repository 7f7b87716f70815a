import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { serverProcess } from "./server-process.ts";

const program = fileURLToPath(new URL("../../node_modules/dynalite/cli.js", import.meta.url));

/** Why no DynamoDB can be tested here; undefined where one can. */
export const missingDynalite: string | undefined = existsSync(program) ? undefined : "dynalite is not installed";

/** A stand-in for DynamoDB of one's own: own data, own port. */
export interface DynaliteServer {
  readonly endpoint: string;
  readonly port: number;
  /** Resolves when it takes connections. */
  start(): Promise<void>;
  /** kill -9. */
  crash(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

export async function startDynalite(): Promise<DynaliteServer> {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-dynalite-"));
  const port = await freePort();
  const args = [program, "--port", `${port}`, "--host", "127.0.0.1", "--createTableMs", "0", "--path", folder];
  const server = serverProcess({ command: process.execPath, args });
  const start = async () => {
    if (!(await server.launch("listening at"))) throw new Error(`dynalite does not start: ${server.log}`);
  };
  await start();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    port,
    start,
    crash: () => server.end("SIGKILL"),
    async remove() {
      await server.dispose("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
