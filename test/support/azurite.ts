import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "./free-port.ts";
import { serverProcess } from "./server-process.ts";

/** Azure's storage of one's own: own data, own ports. It does not survive kill -9 as the real one would, so tests only stop it. */
export interface Azurite {
  readonly connectionString: string;
  /** Starts it again on what it had. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The process stands still: it takes connections and does not answer. */
  freeze(): void;
  thaw(): void;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** The key of Azurite's only account, which Azurite's documentation publishes. */
const account = "devstoreaccount1";
const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export async function startAzurite(): Promise<Azurite> {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-azurite-"));
  const [blob, queue, table] = [await freePort(), await freePort(), await freePort()];
  const program = join(dirname(createRequire(import.meta.url).resolve("azurite/package.json")), "dist/src/azurite.js");
  const services = Object.entries({ blob, queue, table });
  const ports = services.flatMap(([service, port]) => [`--${service}Host`, "127.0.0.1", `--${service}Port`, `${port}`]);
  const flags = ["--skipApiVersionCheck", "--disableTelemetry", "--location", folder, ...ports];
  const server = serverProcess({ command: process.execPath, args: [program, ...flags] });
  const start = async () => {
    if (server.isRunning) return;
    // The last of its three services.
    if (!(await server.launch("Azurite Table service is successfully listening"))) throw new Error(`Azurite does not start: ${server.log}`);
  };
  await start();
  const endpoints = [`QueueEndpoint=http://127.0.0.1:${queue}/${account}`, `TableEndpoint=http://127.0.0.1:${table}/${account}`];
  return {
    connectionString: ["DefaultEndpointsProtocol=http", `AccountName=${account}`, `AccountKey=${key}`, ...endpoints].join(";"),
    start,
    stop: () => server.end("SIGINT"),
    freeze: () => server.signal("SIGSTOP"),
    thaw: () => server.signal("SIGCONT"),
    async remove() {
      server.signal("SIGCONT");
      await server.dispose("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
