import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import type pg from "pg";
import { createDocumentStore } from "../../src/adapters/documents/document-store.ts";
import { createMemoryDocumentTable, MemoryDocuments } from "../support/memory-document-table.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
import { setPostgresTime, stopPostgresTime } from "../support/postgres-time.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { redisStoreInTestTime, setRedisTime } from "../support/redis-time.ts";
import type { HarnessClock } from "./harness-clock.ts";
import { createMemoryData, createMemoryStore, createPostgresStore, createSqliteStore, type ExecutionStore } from "./library.ts";
import { NotApplicableError } from "./not-applicable-error.ts";

/** Where the executions of one case are kept. */
export interface StoreBackend {
  /** A store as another process would open it. */
  open(): ExecutionStore;
  /** Before each call: the store's time is that of the case. */
  beforeCall(): Promise<void>;
  /** Stores are closed by then. */
  remove(): Promise<void>;
}

export type BackendName = "memory" | "documents" | "sqlite" | "postgres" | "redis";

export const backends: Readonly<Record<BackendName, (clock: HarnessClock) => Promise<StoreBackend>>> = {
  async memory(clock) {
    const data = createMemoryData();
    return { open: () => createMemoryStore({ clock, data }), beforeCall: async () => {}, remove: async () => {} };
  },

  /** What the stores on DynamoDB and Table Storage have in common, without a service. */
  async documents(clock) {
    const documents = new MemoryDocuments();
    const open = () => {
      const table = createMemoryDocumentTable(documents);
      return createDocumentStore({ table, clock, noticeDelayMs: 500, requestsAtOnce: 8, durability: "none" });
    };
    return { open, beforeCall: async () => {}, remove: async () => {} };
  },

  async sqlite(clock) {
    const folder = mkdtempSync(join(tmpdir(), "conformance-"));
    const filename = join(folder, "store.sqlite");
    return {
      open: () => createSqliteStore({ filename, clock }),
      beforeCall: async () => {},
      remove: async () => rmSync(folder, { recursive: true }),
    };
  },

  async postgres(clock) {
    const { connectionString, admin, schema } = await openSchema();
    const open = () => createPostgresStore({ connectionString, schema, maxConnections: 2 });
    const first = open();
    await first.counts({ name: "none" });
    await first.close();
    // The server's clock, as far as the store looks at it, is that of the case.
    await stopPostgresTime(admin, schema, clock.now());
    let told = clock.now();
    return {
      open,
      beforeCall: async () => {
        const now = clock.now();
        if (now === told) return;
        told = now;
        await setPostgresTime(admin, schema, now);
      },
      remove: async () => void (await admin.query(`DROP SCHEMA ${schema} CASCADE`)),
    };
  },

  async redis(clock) {
    const { url, admin, keyPrefix } = await openPrefix();
    let told: number | undefined;
    const tellTime = async () => {
      const now = clock.now();
      if (now === told) return;
      told = now;
      await setRedisTime(admin, keyPrefix, now);
    };
    await tellTime();
    return {
      open: () => redisStoreInTestTime({ url, keyPrefix }),
      beforeCall: tellTime,
      remove: async () => void (await admin.flushall()),
    };
  },
};

let postgres: Promise<{ server: PostgresServer; admin: pg.Pool }> | undefined;
let redis: Promise<{ server: RedisServer; admin: Redis }> | undefined;
let opened = 0;

async function openSchema(): Promise<{ connectionString: string; admin: pg.Pool; schema: string }> {
  postgres ??= startPostgres();
  const { server, admin } = await postgres.catch((error) => {
    throw new NotApplicableError(`Postgres could not be started: ${String(error)}`);
  });
  opened += 1;
  return { connectionString: server.connectionString, admin, schema: `c${opened}` };
}

async function openPrefix(): Promise<{ url: string; admin: Redis; keyPrefix: string }> {
  redis ??= startRedis();
  const { server, admin } = await redis.catch((error) => {
    throw new NotApplicableError(`Redis could not be started: ${String(error)}`);
  });
  opened += 1;
  return { url: server.url, admin, keyPrefix: `c${opened}` };
}

async function startPostgres(): Promise<{ server: PostgresServer; admin: pg.Pool }> {
  const [support, { Pool }] = await Promise.all([import("../support/postgres-server.ts"), import("pg").then((module) => module.default)]);
  const server = await support.startPostgres();
  const admin = new Pool({ connectionString: server.connectionString, max: 1, idleTimeoutMillis: 0 });
  admin.on("error", () => {});
  await admin.query("ALTER SYSTEM SET synchronous_commit = off");
  await admin.query("SELECT pg_reload_conf()");
  return { server, admin };
}

async function startRedis(): Promise<{ server: RedisServer; admin: Redis }> {
  const [support, { Redis }] = await Promise.all([import("../support/redis-server.ts"), import("ioredis")]);
  const server = await support.startRedis({ appendonly: "no" });
  const admin = new Redis(server.url);
  admin.on("error", () => {});
  return { server, admin };
}

/** Starts the servers that cases share; otherwise the first that needs one does. */
export async function openBackends(): Promise<void> {
  postgres ??= startPostgres();
  redis ??= startRedis();
  await Promise.all([postgres, redis]);
}

/** Stops them. */
export async function closeBackends(): Promise<void> {
  const [pgs, rds] = await Promise.all([postgres?.catch(() => undefined), redis?.catch(() => undefined)]);
  postgres = undefined;
  redis = undefined;
  rds?.admin.disconnect();
  await rds?.server.remove();
  await pgs?.admin.end();
  await pgs?.server.remove();
}
