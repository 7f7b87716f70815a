import { type Command, Option } from "commander";
import type { DurableCoordinator } from "../core/durable-coordinator.ts";
import { CommandError } from "./command-error.ts";
import { type ConnectionOptions, storeFrom, withStore } from "./connection-options.ts";
import { interruption } from "./interruption.ts";
import { toCount } from "./ls-command.ts";
import { print } from "./output.ts";
import { openStoreClient } from "./store-client.ts";

/** Serves the HTTP API of a coordinator, and with it the dashboard. */
export type Serve = (
  coordinator: DurableCoordinator<unknown, unknown>,
  options: { port: number; hostname: string; dashboard: true },
) => Promise<{ readonly url: string; close(): Promise<void> }>;

interface DashboardOptions extends ConnectionOptions {
  readonly port: number;
  readonly host: string;
}

/** @param load gives `serve` of `actorfleet/http`. */
export function addDashboardCommand(program: Command, done: (exitCode: number) => void, load: () => Promise<Serve>): void {
  withStore(program.command("dashboard").description("serve the dashboard and the HTTP API of a store, until Ctrl-C"))
    .addOption(new Option("--port <port>", "to listen at").argParser(toCount).default(8080))
    .addOption(new Option("--host <host>", "to listen at").default("127.0.0.1"))
    .action(async (options: DashboardOptions) => done(await dashboard(await load(), options)));
}

async function dashboard(serve: Serve, options: DashboardOptions): Promise<number> {
  const client = await openStoreClient(storeFrom(options));
  try {
    const server = await serve(client.coordinator, { port: options.port, hostname: options.host, dashboard: true }).catch(toListenError);
    const end = interruption();
    print(`The dashboard of ${client.name} is at ${server.url} (Ctrl-C ends it).`);
    await end.asked;
    await server.close();
    return 0;
  } finally {
    await client.close();
  }
}

function toListenError(error: NodeJS.ErrnoException & { address?: string; port?: number }): never {
  if (error.syscall !== "listen") throw error;
  const why = error.code === "EADDRINUSE" ? "another program listens there; take another --port" : error.code;
  throw new CommandError("unreachable", "PORT_UNAVAILABLE", `Cannot listen at ${error.address}:${error.port}: ${why}.`, { cause: error });
}
