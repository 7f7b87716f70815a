import { afterAll, beforeAll, it } from "vitest";
import { createTableStore } from "../../src/adapters/azure/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { type Azurite, startAzurite } from "../support/azurite.ts";
import { describeWith } from "../support/describe-with.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";

let server: Azurite;
let tables = 0;

beforeAll(async () => {
  server = await startAzurite();
}, 60_000);
afterAll(async () => {
  await server?.remove();
}, 10_000);

function nextTable(): string {
  tables += 1;
  return `table${tables}`;
}

describeWith(undefined, "Table Storage store", () => {
  const contract = executionStoreContract(async () => {
    const table = nextTable();
    const clock = createShiftedClock();
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = createTableStore({ connectionString: server.connectionString, table, clock, noticeDelayMs: 20 });
      opened.push(store);
      return store;
    };
    return {
      store: open(),
      openSecond: async () => open(),
      elapse: async (ms) => clock.move(ms),
      close: async () => void (await Promise.all(opened.map((store) => store.close()))),
    };
  });
  for (const { name, run } of contract) it(name, run, 180_000);
});
