import { existsSync } from "node:fs";
import { readPostgresNames } from "../adapters/postgres/postgres-names.ts";
import { readRedisNames } from "../adapters/redis/redis-names.ts";
import { readSqliteNames } from "../adapters/sqlite/sqlite-names.ts";
import { ActorfleetError } from "../model/errors.ts";
import { MissingDependencyError } from "../model/store-errors.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import { CommandError } from "./command-error.ts";
import type { ConnectionOptions } from "./connection-options.ts";

const howToSay = `Say where the executions are:
  --store sqlite:FILE, --store postgres://USER:PASSWORD@HOST/DATABASE,
  --store redis://USER:PASSWORD@HOST or --url http://HOST:PORT
  (or set ACTORFLEET_STORE or ACTORFLEET_URL)`;

/** A store that is there already, and the name of the coordinator in it. */
export interface OpenStore {
  readonly store: ExecutionStore;
  readonly name: string;
  close(): Promise<void>;
}

/** Opens what is there and makes nothing new. @throws {CommandError} {@link MissingDependencyError} */
export async function openStore({ store, name, schema = "actorfleet" }: ConnectionOptions): Promise<OpenStore> {
  if (store === undefined) throw new CommandError("usage", "STORE_MISSING", howToSay);
  if (store.startsWith("sqlite:")) return openSqlite(store.slice("sqlite:".length), name);
  if (/^postgres(ql)?:\/\//.test(store)) return openPostgres(store, schema, name);
  if (/^rediss?:\/\//.test(store)) return openRedis(store, schema, name);
  const hint = existsSync(store) ? ` Did you mean sqlite:${store}?` : "";
  throw new CommandError(
    "usage",
    "STORE_UNKNOWN",
    `--store: expected sqlite:FILE, postgres://… or redis://…, got ${withoutPassword(store)}.${hint}`,
  );
}

async function openSqlite(filename: string, wanted: string | undefined): Promise<OpenStore> {
  if (!existsSync(filename)) throw new CommandError("unreachable", "STORE_NOT_FOUND", `There is no file ${filename || '""'}.`);
  let names: readonly string[] | undefined;
  try {
    names = readSqliteNames(filename);
  } catch (error) {
    throw new CommandError("unreachable", "STORE_UNREADABLE", `${filename} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const name = nameAmong(names, wanted, filename);
  const { createSqliteStore } = await import("../adapters/sqlite/index.ts");
  const store = createSqliteStore({ filename });
  return { store, name, close: () => store.close() };
}

async function openPostgres(url: string, schema: string, wanted: string | undefined): Promise<OpenStore> {
  const where = withoutPassword(url);
  let pg: typeof import("pg").default;
  try {
    pg = (await import("pg")).default;
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "pg", usedBy: "Postgres store", cause });
  }
  let pool: import("pg").Pool | undefined;
  try {
    pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 5_000 });
    pool.on("error", () => {}); // An idle connection that breaks is replaced when the next one is needed.
    const name = nameAmong(await readPostgresNames(pool, schema), wanted, `schema ${schema} of ${where}`);
    const { createPostgresStore } = await import("../adapters/postgres/index.ts");
    const store = createPostgresStore({ pool, schema });
    const close = async () => {
      await store.close();
      await pool?.end();
    };
    return { store, name, close };
  } catch (error) {
    await pool?.end();
    if (error instanceof CommandError || ActorfleetError.isInstance(error)) throw error;
    throw new CommandError("unreachable", "STORE_UNREACHABLE", `${where} cannot be reached: ${reasonOf(error)}`, { cause: error });
  }
}

async function openRedis(url: string, keyPrefix: string, wanted: string | undefined): Promise<OpenStore> {
  const where = withoutPassword(url);
  let Redis: typeof import("ioredis").Redis;
  try {
    ({ Redis } = await import("ioredis"));
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "ioredis", usedBy: "Redis store", cause });
  }
  const client = new Redis(url, { lazyConnect: true, connectTimeout: 5_000, retryStrategy: () => null });
  let reason: unknown;
  client.on("error", (error) => {
    reason = error;
  });
  try {
    await client.connect();
    const name = nameAmong(await readRedisNames(client, keyPrefix), wanted, `keys that begin with ${keyPrefix} in ${where}`);
    const { createRedisStore } = await import("../adapters/redis/index.ts");
    const store = createRedisStore({ url, keyPrefix, allowEviction: true });
    return { store, name, close: () => store.close() };
  } catch (error) {
    if (error instanceof CommandError || ActorfleetError.isInstance(error)) throw error;
    throw new CommandError("unreachable", "STORE_UNREACHABLE", `${where} cannot be reached: ${reasonOf(reason ?? error)}`, {
      cause: error,
    });
  } finally {
    client.disconnect();
  }
}

/** @throws {CommandError} when it is not clear which one is meant. */
function nameAmong(names: readonly string[] | undefined, wanted: string | undefined, where: string): string {
  if (names === undefined) throw new CommandError("unreachable", "STORE_EMPTY", `There are no executions of actorfleet in ${where}.`);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
    throw new CommandError("refused", "NAME_UNKNOWN", `${where} has no executions of a coordinator named ${wanted}; ${known}.`);
  }
  const [only] = names;
  if (only === undefined) throw new CommandError("unreachable", "STORE_EMPTY", `There are no executions in ${where}.`);
  if (names.length === 1) return only;
  throw new CommandError(
    "usage",
    "NAME_MISSING",
    `${where} has executions of several coordinators; add --name with one of ${names.join(", ")}.`,
  );
}

/** Errors of several addresses of one host come without a message of their own. */
function reasonOf(error: unknown): string {
  const { message, errors = [], code } = error as { message?: string; errors?: readonly unknown[]; code?: string };
  return message || (errors.length > 0 ? reasonOf(errors[0]) : (code ?? "for a reason it does not tell"));
}

function withoutPassword(url: string): string {
  return url.replace(/:\/\/([^@/]*)@/, (_, who: string) => `://${who.split(":")[0]}@`);
}
