import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPostgres, type PostgresBinaries } from "./postgres-binaries.ts";

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
  let running: ChildProcess | undefined;
  const killAtExit = () => void running?.kill("SIGKILL");
  process.on("exit", killAtExit);

  /** Resolves with true at a line of its log with this text, with false when it ends before. */
  const launch = (line: string) =>
    new Promise<boolean>((resolve, reject) => {
      const all = { listen_addresses: "127.0.0.1", unix_socket_directories: "", max_connections: "200", ...settings };
      const flags = Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
      const server = spawn(binaries.postgres, ["-D", data, "-p", `${port}`, ...flags], {
        stdio: ["ignore", "ignore", "pipe"],
        env: environment,
        ...binaries.runAs,
      });
      running = server;
      let log = "";
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        log = `${log}${text}`.slice(-4_000);
        if (log.includes(line)) resolve(true);
      });
      server.on("error", reject);
      server.on("exit", () => {
        if (running === server) running = undefined;
        resolve(false);
      });
    });
  const end = async (signal: NodeJS.Signals) => {
    const server = running;
    if (server === undefined) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill(signal);
    await ended;
  };
  const start = async () => {
    if (running !== undefined) return;
    // After a kill -9 its own processes need a moment to notice that it is gone; until then it refuses to start.
    for (let tries = 1; !(await launch("ready to accept connections")); tries++) {
      if (tries === 200) throw new Error("Postgres does not start");
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  await start();
  return {
    port,
    connectionString: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    start,
    stop: () => end("SIGINT"),
    crash: () => end("SIGKILL"),
    async crashInRecovery() {
      for (let tries = 1; !(await launch("automatic recovery in progress")); tries++) {
        if (tries === 200) throw new Error("Postgres does not recover");
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
      await end("SIGKILL");
    },
    async remove() {
      await end("SIGINT");
      process.off("exit", killAtExit);
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

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
