import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./debian-program.ts";
import { freePort } from "./free-port.ts";
import { serverProcess } from "./server-process.ts";

/** A Redis server of one's own: own data, own port. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Resolves when it takes commands. Starting what runs changes nothing. */
  start(): Promise<void>;
  /** Resolves when it has ended in good order. */
  stop(): Promise<void>;
  /** kill -9: what it had not written to its files is gone. */
  crash(): Promise<void>;
  /** It hears nothing and says nothing, until it is thawed. */
  freeze(): void;
  thaw(): void;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Where the program is, or why there is none. */
export function findRedis(): { path: string } | { missing: string } {
  return findProgram(["redis-server"], "redis-server");
}

/** Makes and starts a server with these settings beside the defaults, which keep every write. Rejects, with the reason, where none can run. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const found = findRedis();
  if ("missing" in found) throw new Error(found.missing);
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-redis-"));
  const port = await freePort();
  const all = {
    port: String(port),
    bind: "127.0.0.1",
    dir: folder,
    save: "",
    appendonly: "yes",
    appendfsync: "always",
    daemonize: "no",
    "maxmemory-policy": "noeviction",
    ...settings,
  };
  const args = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
  const server = serverProcess({ command: found.path, args });
  const start = async () => {
    if (server.isRunning) return;
    if (!(await server.launch("Ready to accept connections"))) throw new Error(`Redis does not start: ${server.log}`);
  };
  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    start,
    stop: () => server.end("SIGTERM"),
    crash: () => server.end("SIGKILL"),
    freeze: () => server.signal("SIGSTOP"),
    thaw: () => server.signal("SIGCONT"),
    async remove() {
      server.signal("SIGCONT");
      await server.dispose("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
