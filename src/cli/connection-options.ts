import { type Command, Option } from "commander";
import { CommandError } from "./command-error.ts";
import type { FleetConnection } from "./fleet-connection.ts";

/** Where the executions are, as the command line says it. */
export interface ConnectionOptions {
  readonly store?: string;
  readonly url?: string;
  readonly name?: string;
  readonly schema?: string;
  readonly header?: readonly string[];
}

const storeOption = () => new Option("--store <store>", "sqlite:FILE, postgres://… or redis://…");
const nameOption = () => new Option("--name <name>", "of the coordinator, where the store has several");
const schemaOption = () => new Option("--schema <schema>", "of the Postgres tables, or the prefix of the Redis keys").default("actorfleet");

/** Adds the options that say where the executions are. */
export function withConnection(command: Command): Command {
  return withStore(command)
    .addOption(new Option("--url <url>", "of an HTTP API, instead of a store"))
    .addOption(
      new Option("--header <header>", "to send to the HTTP API, as in 'authorization: Bearer …'; may be repeated").argParser(
        (value: string, before: string[] = []) => [...before, value],
      ),
    );
}

/** The same for commands that need a store. */
export function withStore(command: Command): Command {
  return command.addOption(storeOption()).addOption(nameOption()).addOption(schemaOption());
}

export const jsonOption = () => new Option("--json", "JSON instead of text");

/** @throws {CommandError} {@link MissingDependencyError} */
async function connect(options: ConnectionOptions): Promise<FleetConnection> {
  const { store, url, header = [] } = placeFrom(options);
  if (store !== undefined && url !== undefined) throw new CommandError("usage", "PLACE_AMBIGUOUS", "A store and a URL: only one of them");
  if (url !== undefined) {
    const { connectToApi } = await import("./api-connection.ts");
    return connectToApi(url, header);
  }
  const { connectToStore } = await import("./store-connection.ts");
  return connectToStore({ ...options, ...(store !== undefined && { store }) });
}

/** What the command line does not say, the environment may. */
function placeFrom(options: ConnectionOptions): ConnectionOptions {
  if (options.store !== undefined || options.url !== undefined) return options;
  return { ...storeFrom(options), ...(process.env.ACTORFLEET_URL && { url: process.env.ACTORFLEET_URL }) };
}

/** The same where only a store will do. */
export function storeFrom(options: ConnectionOptions): ConnectionOptions {
  const store = options.store ?? process.env.ACTORFLEET_STORE;
  return store ? { ...options, store } : options;
}

/** Does something with a connection and closes it, whatever happens. */
export async function withFleet(options: ConnectionOptions, work: (fleet: FleetConnection) => Promise<number>): Promise<number> {
  const fleet = await connect(options);
  try {
    return await work(fleet);
  } finally {
    await fleet.close();
  }
}
