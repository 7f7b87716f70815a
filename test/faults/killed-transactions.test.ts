import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { bundleProgram } from "../support/program-bundle.ts";
import { openStore } from "../support/store-address.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { temporaryFile, within } from "./fault-world.ts";
import type { TransactionOrder } from "./transaction-program.ts";

let program: string;
beforeAll(async () => {
  program = await bundleProgram(new URL("transaction-program.ts", import.meta.url));
});

/** Runs the program, kills it when it has said so many lines and a little later, and resolves to what it said. */
async function killAfter(order: TransactionOrder, lines: number, laterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [program, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] });
  const said: string[] = [];
  const gone = new Promise((resolve) => child.on("close", resolve));
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(line);
    if (said.length === lines) setTimeout(() => child.kill("SIGKILL"), laterMs);
  });
  await within(10_000, "the program that is to be killed", gone);
  return said;
}

interface Database {
  readonly store: TransactionOrder["store"];
  /** The same, for the processes that are killed. */
  readonly killed: TransactionOrder["store"];
  readOrders(): Promise<number[]>;
  /** Resolves when nothing of a process that is gone is under way any more. */
  untilSettled(): Promise<unknown>;
}

async function killInTransactions({ store, killed, readOrders, untilSettled }: Database): Promise<void> {
  const draw = drawer();
  const records = await openStore(store);
  const audit = async () => {
    const orders = await readOrders();
    expect(orders).toEqual(orders.map((_, index) => index));
    const ids = orders.map((n) => `order-${n}`);
    expect((await records.get("orders", ids)).map((record) => record?.id)).toEqual(ids);
    expect((await records.counts({ name: "orders" })).total).toBe(orders.length);
    return orders.length;
  };
  const committed: number[] = [];
  let there = 0;
  for (let round = 0; round < 10; round++) {
    // Every other one stands still between the start and the end of its transaction when it is killed.
    const staysIn = round % 2 === 1;
    const said = await killAfter({ store: killed, first: there, staysIn }, staysIn ? 1 : Math.ceil(draw(0, 20)), staysIn ? 0 : draw(0, 8));
    if (!staysIn) committed.push(...said.map(Number));
    const before = there;
    await untilSettled();
    there = await audit();
    expect(there).toBeGreaterThanOrEqual(committed.length);
    if (staysIn) expect(there).toBe(before);
  }
  expect(there).toBeGreaterThan(20);
  // What a killed process had locked is free.
  expect(await within(5_000, "a write", records.remove({ name: "orders", olderThanMs: 0 }))).toBe(0);
  await records.close();
}

const promise = `processes killed in the midst of their transactions leave both the caller's data and the execution, or neither (seed ${faultSeed})`;

test(`${promise}, on SQLite`, async () => {
  const { address, remove } = temporaryFile();
  const store = createSqliteStore({ filename: address.filename });
  await store.transaction(({ database }) => database.exec("CREATE TABLE orders (n INTEGER)"));
  const readOrders = () =>
    store.transaction(({ database }) => (database.prepare("SELECT n FROM orders ORDER BY n").all() as { n: number }[]).map(({ n }) => n));
  await killInTransactions({ store: address, killed: address, readOrders, untilSettled: async () => {} });
  await store.close();
  remove();
}, 120_000);

describeWithPostgres("killed transactions on Postgres", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.remove());

  test(promise, async () => {
    const { connectionString } = server;
    const client = new pg.Client({ connectionString });
    client.on("error", () => {}); // A failed test stops the server first.
    await client.connect();
    await client.query("CREATE TABLE orders (n integer)");
    const readOrders = async () => (await client.query("SELECT n FROM orders ORDER BY n")).rows.map(({ n }) => n as number);
    const address = { kind: "postgres", connectionString: `${connectionString}?application_name=killed`, schema: "transactions" } as const;
    const records = { kind: "postgres", connectionString, schema: "transactions" } as const;
    // The server carries out a COMMIT that it has read although the client is gone.
    const left = async () => (await client.query("SELECT FROM pg_stat_activity WHERE application_name = 'killed'")).rowCount;
    await killInTransactions({
      killed: address,
      store: records,
      readOrders,
      untilSettled: () => expect.poll(left, { timeout: 30_000 }).toBe(0),
    });
    await client.end();
  }, 120_000);
});
