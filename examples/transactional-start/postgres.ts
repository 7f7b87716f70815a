/**
 * An order and the execution that handles it, in one transaction of the application's own `pg` client: both are there, or neither. Takes the
 * server of `DATABASE_URL`, or starts one of its own for as long as it runs.
 */
import pg from "pg";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import { startPostgres } from "../../test/support/postgres-server.ts";

const server = process.env.DATABASE_URL === undefined ? await startPostgres() : undefined;
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL ?? server?.connectionString });
pool.on("error", () => {}); // Of a connection that nobody used: the next query opens another.
const store = createPostgresStore({ pool, schema: "actorfleet_example" }); // The tables of both are in one database.
const coordinator = createDurableCoordinator({ name: "orders", store, orchestrator: async (order: string) => `${order} is on its way` });
await pool.query("CREATE TABLE IF NOT EXISTS example_orders (what text PRIMARY KEY)");

async function order(what: string, isPaid: boolean): Promise<string> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("INSERT INTO example_orders VALUES ($1)", [what]);
    const id = await coordinator.start(what, { id: what, transaction: client });
    if (!isPaid) throw new Error(`${what} is not paid for`);
    await client.query("COMMIT"); // Only now do the workers see it.
    return id;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const id = await order("a telescope", true);
await order("a yacht", false).catch((error: Error) => console.log(error.message));

console.log(await coordinator.waitFor(id));
console.log(
  "started:",
  (await coordinator.list()).items.map((execution) => execution.id),
);
const orders = await pool.query("SELECT what FROM example_orders");
console.log(
  "orders:",
  orders.rows.map(({ what }) => what),
);
await coordinator.close();
await store.close();
await pool.query("DROP TABLE example_orders; DROP SCHEMA actorfleet_example CASCADE");
await pool.end();
await server?.remove();
