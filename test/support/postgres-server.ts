import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { findPostgres, type PostgresBinaries } from "./postgres-binaries.ts";
import { serverProcess } from "./server-process.ts";

/** A Postgres server of one's own: own data, own port. */
export interface PostgresServer {
  readonly connectionString: string;
  readonly port: number;
  /** Resolves when it takes connections. Starting what runs changes nothing. */
  start(): Promise<void>;
  /** Resolves when it has ended in good order; its clients lose their connections. */
  stop(): Promise<void>;
  /** kill -9: what it had not written to its log of changes is gone, and its next start has to recover. */
  crash(): Promise<void>;
  /** After a crash: starts it and crashes it again while it recovers. */
  crashInRecovery(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

const environment = { ...process.env, LC_ALL: "C", LC_MESSAGES: "C" };

/** Makes and starts a server with these settings beside the defaults. Rejects, with the reason, where none can run. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<PostgresServer> {
  const binaries = findPostgres();
  if (typeof binaries === "string") throw new Error(binaries);
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-postgres-"));
  const data = join(folder, "data");
  await initialise(binaries, folder, data);
  const port = await freePort();
  const all = { listen_addresses: "127.0.0.1", unix_socket_directories: "", max_connections: "200", ...settings };
  const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = serverProcess({
    command: binaries.postgres,
    args: ["-D", data, "-p", `${port}`, ...flags],
    env: environment,
    runAs: binaries.runAs,
  });
  const start = async () => {
    if (server.isRunning) return;
    // After a kill -9 its own processes need a moment to notice that it is gone; until then it refuses to start.
    for (let tries = 1; !(await server.launch("ready to accept connections")); tries++) {
      if (tries === 200) throw new Error("Postgres does not start");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await start();
  return {
    port,
    connectionString: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    start,
    stop: () => server.end("SIGINT"),
    crash: () => server.end("SIGKILL"),
    async crashInRecovery() {
      for (let tries = 1; !(await server.launch("automatic recovery in progress")); tries++) {
        if (tries === 200) throw new Error("Postgres does not recover");
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      await server.end("SIGKILL");
    },
    async remove() {
      await server.dispose("SIGINT");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function initialise({ initdb, runAs }: PostgresBinaries, folder: string, data: string): Promise<void> {
  chmodSync(folder, 0o755);
  mkdirSync(data, { mode: 0o700 });
  if (runAs !== undefined) chownSync(data, runAs.uid, runAs.gid);
  const flags = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"];
  await promisify(execFile)(initdb, [`--pgdata=${data}`, ...flags], { env: environment, ...runAs });
}
