import { writeSync } from "node:fs";
import pg from "pg";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import { openStore, type StoreAddress } from "../support/store-address.ts";

/** Commits one order after the other, each with an execution, and says so; or begins one transaction and stays in the midst of it. */
export interface TransactionOrder {
  readonly store: Exclude<StoreAddress, { kind: "redis" }>;
  readonly first: number;
  readonly staysIn: boolean;
}

const { store: address, first, staysIn } = JSON.parse(process.argv[2] ?? "") as TransactionOrder;
const say = (line: string) => writeSync(1, `${line}\n`);
const options = { name: "orders", role: "client", orchestrator: async (n: number) => n } as const;

if (address.kind === "sqlite") {
  const store = createSqliteStore({ filename: address.filename });
  const coordinator = createDurableCoordinator({ ...options, store });
  for (let n = first; ; n++) {
    await store.transaction((transaction) => {
      transaction.database.prepare("INSERT INTO orders VALUES (?)").run(n as never);
      void coordinator.start(n, { id: `order-${n}`, transaction });
      if (!staysIn) return;
      say("within");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });
    say(`${n}`);
  }
} else if (address.kind === "postgres") {
  const coordinator = createDurableCoordinator({ ...options, store: await openStore(address) });
  const client = new pg.Client({ connectionString: address.connectionString });
  await client.connect();
  for (let n = first; ; n++) {
    await client.query("BEGIN");
    await client.query("INSERT INTO orders VALUES ($1)", [n]);
    await coordinator.start(n, { id: `order-${n}`, transaction: client });
    if (staysIn) {
      say("within");
      await new Promise(() => {});
    }
    await client.query("COMMIT");
    say(`${n}`);
  }
}
