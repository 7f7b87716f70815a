import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createSqliteStore, type SqliteTransaction } from "../../src/adapters/sqlite/index.ts";
import { DuplicateExecutionError } from "../../src/model/errors.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { DurableWorld } from "./durable-world.ts";

const orchestrator = async ({ order }: { order: string }) => order;
let world: DurableWorld;
afterEach(() => world?.close());

describeWithPostgres("a start in the caller's transaction, on Postgres", () => {
  let server: PostgresServer;
  let admin: pg.Client;
  beforeAll(async () => {
    server = await startPostgres();
    admin = new pg.Client({ connectionString: server.connectionString });
    await admin.connect();
    await admin.query("CREATE TABLE orders (id text PRIMARY KEY)");
  }, 120_000);
  afterAll(async () => {
    await admin?.end();
    await server?.remove();
  });
  let schemas = 0;
  beforeEach(() => {
    const schema = `test_${++schemas}`;
    world = new DurableWorld(() => createPostgresStore({ connectionString: server.connectionString, schema, maxConnections: 3 }));
  });

  test("commits with the caller's data, and is run then and not before", async () => {
    const client = world.client({ orchestrator });
    const worker = world.worker({ orchestrator, pollMs: 60_000 });
    await client.waitFor(await client.start({ order: "warm" }));
    await admin.query("BEGIN");
    await admin.query("INSERT INTO orders VALUES ('o1')");
    const id = await client.start({ order: "o1" }, { transaction: admin });
    expect(await client.getStatus(id)).toBeUndefined();
    await admin.query("COMMIT");
    expect(await client.waitFor(id, { timeoutMs: 5_000 })).toBe("o1");
    await expect.poll(() => worker.stats.getSnapshot().context.completed).toBe(2);
  });

  test("is gone with a rollback, all of several", async () => {
    const client = world.client({ orchestrator });
    world.worker({ orchestrator });
    await admin.query("BEGIN");
    await admin.query("INSERT INTO orders VALUES ('o2')");
    const ids = await client.startMany([{ input: { order: "o2" } }, { input: { order: "o2b" } }], { transaction: admin });
    await admin.query("ROLLBACK");
    expect(await Promise.all(ids.map((id) => client.getStatus(id)))).toEqual([undefined, undefined]);
    expect((await admin.query("SELECT count(*)::int AS n FROM orders WHERE id = 'o2'")).rows).toEqual([{ n: 0 }]);
    expect(await client.counts()).toMatchObject({ total: 0 });
  });

  test("that is refused leaves the caller's transaction as it is", async () => {
    const client = world.client({ orchestrator });
    await client.start({ order: "first" }, { id: "taken" });
    await admin.query("BEGIN");
    await admin.query("INSERT INTO orders VALUES ('o3')");
    await expect(client.start({ order: "o3" }, { id: "taken", transaction: admin })).rejects.toThrow(DuplicateExecutionError);
    const entries = [{ input: { order: "a" } }, { input: { order: "b" }, options: { id: "taken" } }];
    await expect(client.startMany(entries, { transaction: admin })).rejects.toThrow(DuplicateExecutionError);
    await admin.query("COMMIT");
    expect((await admin.query("SELECT id FROM orders WHERE id = 'o3'")).rows).toHaveLength(1);
    expect(await client.counts()).toMatchObject({ total: 1 });
  });
});

describe("a start in the caller's transaction, on SQLite", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "actorfleet-durable-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test("comes and goes with the caller's data", async () => {
    world = new DurableWorld(() => createSqliteStore({ filename: join(folder, "executions.sqlite") }));
    const store = createSqliteStore({ filename: join(folder, "executions.sqlite") });
    const client = world.client({ orchestrator, store });
    world.worker({ orchestrator });
    const starts: Promise<string>[] = [];
    const told: string[] = [];
    client.on("*", ({ executionId }) => told.push(executionId));
    await store.transaction(({ database }) => database.exec("CREATE TABLE orders (id TEXT)"));
    await store.transaction((transaction) => {
      transaction.database.exec("INSERT INTO orders VALUES ('o1')");
      starts.push(client.start({ order: "o1" }, { transaction }));
    });
    const thrown = store.transaction((transaction) => {
      transaction.database.exec("INSERT INTO orders VALUES ('o2')");
      starts.push(client.start({ order: "o2" }, { transaction }));
      throw new Error("no stock");
    });
    await expect(thrown).rejects.toThrow("no stock");
    const [kept, gone] = await Promise.all(starts);
    expect(await client.waitFor(kept as string)).toBe("o1");
    expect(await client.getStatus(gone as string)).toBeUndefined();
    expect(told).not.toContain(gone);
    const orders = await store.transaction(({ database }) => database.prepare("SELECT id FROM orders").all());
    expect(orders).toEqual([{ id: "o1" }]);
    await client.close();
    await store.close();
  });

  test("that is refused takes the caller's data with it: the callback could not wait to hear of it", async () => {
    world = new DurableWorld(() => createSqliteStore({ filename: join(folder, "executions.sqlite") }));
    const store = createSqliteStore({ filename: join(folder, "executions.sqlite") });
    const client = world.client({ orchestrator, store });
    const closed = world.client({ orchestrator, store });
    await closed.close();
    await store.transaction(({ database }) => database.exec("CREATE TABLE orders (id TEXT)"));
    await client.start({ order: "first" }, { id: "taken", idempotencyKey: "key" });
    const refused: [(transaction: SqliteTransaction) => unknown, string][] = [
      [(transaction) => void client.start({ order: "o" }, { id: "taken", transaction }), "EXECUTION_DUPLICATE"],
      [(transaction) => void client.start({ order: "o" }, { idempotencyKey: "key", transaction }), "IDEMPOTENCY_CONFLICT"],
      [(transaction) => void client.start({ order: "o" }, { delayMs: 0.5, transaction }), "OPTIONS_INVALID"],
      [(transaction) => void client.start({ order: 1n } as never, { transaction }), "SERIALIZATION_FAILED"],
      [
        (transaction) => void client.startMany([{ input: { order: "o" }, options: { id: "taken" } }], { transaction }),
        "EXECUTION_DUPLICATE",
      ],
      [(transaction) => void closed.start({ order: "o" }, { transaction }), "COORDINATOR_CLOSED"],
      [(transaction) => transaction.refuse(new DuplicateExecutionError("mine")), "EXECUTION_DUPLICATE"],
    ];
    for (const [start, code] of refused) {
      const written = store.transaction((transaction) => {
        transaction.database.exec("INSERT INTO orders VALUES ('o')");
        void client.start({ order: "another" }, { transaction });
        start(transaction);
      });
      await expect(written, code).rejects.toMatchObject({ code });
    }
    // The same key and the same input is no refusal.
    await store.transaction((transaction) => void client.start({ order: "first" }, { idempotencyKey: "key", transaction }));
    expect(await store.transaction(({ database }) => database.prepare("SELECT id FROM orders").all())).toEqual([]);
    expect(await client.counts()).toMatchObject({ total: 1 });
    await store.close();
  });
});
