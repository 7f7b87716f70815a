/**
 * An order and the execution that handles it, in one transaction: both are there, or neither. The order is in the application's own table,
 * beside the tables of the store.
 */
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";

const store = createSqliteStore({ filename: process.argv[2] ?? ":memory:" });
const coordinator = createDurableCoordinator({ name: "orders", store, orchestrator: async (order: string) => `${order} is on its way` });
await store.transaction(({ database }) => database.exec("CREATE TABLE IF NOT EXISTS orders (what TEXT PRIMARY KEY)"));

/** The callback is synchronous, as SQLite's transactions are, and what it throws undoes all of it. */
async function order(what: string, isPaid: boolean): Promise<string> {
  let started = Promise.resolve("");
  await store.transaction((transaction) => {
    transaction.database.prepare("INSERT INTO orders VALUES (?)").run(what);
    started = coordinator.start(what, { id: what, transaction });
    if (!isPaid) throw new Error(`${what} is not paid for`);
  });
  return started;
}

const id = await order("a telescope", true);
await order("a yacht", false).catch((error: Error) => console.log(error.message));

console.log(await coordinator.waitFor(id));
console.log(
  "started:",
  (await coordinator.list()).items.map((execution) => execution.id),
);
const orders = await store.transaction(({ database }) => database.prepare("SELECT what FROM orders").all() as { what: string }[]);
console.log(
  "orders:",
  orders.map(({ what }) => what),
);
await coordinator.close();
await store.close();
