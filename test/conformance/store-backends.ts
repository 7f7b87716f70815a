import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { createDocumentStore } from "../../src/adapters/documents/document-store.ts";
import { createMemoryDocumentTable, MemoryDocuments } from "../support/memory-document-table.ts";
import type { PostgresServer } from "../support/postgres-server.ts";
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

export type BackendName = "memory" | "documents" | "sqlite" | "postgres";

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
    await admin.query(`CREATE TABLE ${schema}.time (now bigint); INSERT INTO ${schema}.time VALUES (${clock.now()});
      CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now FROM ${schema}.time'`);
    let told = clock.now();
    return {
      open,
      beforeCall: async () => {
        const now = clock.now();
        if (now === told) return;
        told = now;
        await admin.query(`UPDATE ${schema}.time SET now = ${now}`);
      },
      remove: async () => void (await admin.query(`DROP SCHEMA ${schema} CASCADE`)),
    };
  },
};

let server: Promise<{ server: PostgresServer; admin: pg.Pool }> | undefined;
let schemas = 0;

async function openSchema(): Promise<{ connectionString: string; admin: pg.Pool; schema: string }> {
  server ??= startServer();
  const { server: running, admin } = await server.catch((error) => {
    throw new NotApplicableError(`Postgres could not be started: ${String(error)}`);
  });
  schemas += 1;
  return { connectionString: running.connectionString, admin, schema: `c${schemas}` };
}

async function startServer(): Promise<{ server: PostgresServer; admin: pg.Pool }> {
  const [{ startPostgres }, { Pool }] = await Promise.all([
    import("../support/postgres-server.ts"),
    import("pg").then((module) => module.default),
  ]);
  const started = await startPostgres();
  const admin = new Pool({ connectionString: started.connectionString, max: 1, idleTimeoutMillis: 0 });
  admin.on("error", () => {});
  await admin.query("ALTER SYSTEM SET synchronous_commit = off");
  await admin.query("SELECT pg_reload_conf()");
  return { server: started, admin };
}

/** Starts the server that cases share; otherwise the first that needs it does. */
export async function openBackends(): Promise<void> {
  server ??= startServer();
  await server;
}

/** Stops it. */
export async function closeBackends(): Promise<void> {
  const running = await server?.catch(() => undefined);
  server = undefined;
  await running?.admin.end();
  await running?.server.remove();
}
