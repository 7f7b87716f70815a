import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./debian-program.ts";
import { freePort } from "./free-port.ts";
import { serverProcess } from "./server-process.ts";

/** A RabbitMQ node of one's own, with its own data, ports and name server. It takes 4 to 13 seconds to start: one for a file of tests. */
export interface RabbitmqServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number | undefined;
  /** Resolves when it takes connections. Starting what runs changes nothing. */
  start(): Promise<void>;
  /** Runs the broker's command program, such as `set_policy`. */
  control(...args: string[]): Promise<void>;
  /** kill -9 of all its processes. */
  crash(): Promise<void>;
  /** Forgets all queues and messages, as a broker that was set up anew. It must not be running. */
  forget(): void;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** Why no RabbitMQ can run here; undefined where one can. */
export function missingRabbitmq(): string | undefined {
  const found = findProgram(["rabbitmq-server"], "rabbitmq-server");
  return "missing" in found ? found.missing : undefined;
}

export async function startRabbitmq(): Promise<RabbitmqServer> {
  const missing = missingRabbitmq();
  if (missing !== undefined) throw new Error(missing);
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-rabbitmq-"));
  const [port, distributionPort, epmdPort] = [await freePort(), await freePort(), await freePort()];
  writeFileSync(join(folder, "enabled_plugins"), "[].\n");
  const search = "/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  // The node's own name server, which would else be left behind as a daemon.
  const epmd = serverProcess({
    ...{ command: "/usr/bin/epmd", args: ["-port", `${epmdPort}`, "-address", "127.0.0.1", "-d"], cwd: folder, env: { PATH: search } },
  });
  const env = {
    PATH: search,
    HOME: folder,
    LANG: "C.UTF-8",
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `actorfleet${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: `${port}`,
    RABBITMQ_DIST_PORT: `${distributionPort}`,
    // Only on the loopback interface, and without processors that wait busily.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "configuration"),
    RABBITMQ_SCHEMA_DIR: join(folder, "schema"),
  };
  const broker = serverProcess({ command: "/usr/lib/rabbitmq/bin/rabbitmq-server", args: [], cwd: folder, group: true, env });
  const start = async () => {
    if (broker.isRunning) return;
    if (!epmd.isRunning) {
      void epmd.launch("never printed");
      await accepting(epmdPort);
    }
    // After a kill -9 the name server may still know the node of before.
    for (let tries = 1; !(await broker.launch("Server startup complete")); tries++) {
      if (tries === 5) throw new Error(`RabbitMQ does not start: ${broker.log}`);
    }
    await accepting(port);
  };
  await start();
  return {
    port,
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    get pid() {
      return broker.pid;
    },
    start,
    async control(...args) {
      await promisify(execFile)("/usr/lib/rabbitmq/bin/rabbitmqctl", ["-q", "-n", env.RABBITMQ_NODENAME, ...args], { cwd: folder, env });
    },
    crash: () => broker.end("SIGKILL"),
    forget: () => rmSync(join(folder, "mnesia"), { recursive: true, force: true }),
    async remove() {
      await broker.dispose("SIGKILL");
      await epmd.dispose("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Resolves once somebody listens on the port. */
async function accepting(port: number): Promise<void> {
  for (let tries = 1; tries <= 500; tries++) {
    const accepted = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (accepted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nobody listens on port ${port}`);
}
