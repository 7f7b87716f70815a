import { afterAll, beforeAll, it } from "vitest";
import { createDynamodbStore } from "../../src/adapters/aws/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { describeWith } from "../support/describe-with.ts";
import { type DynaliteServer, missingDynalite, startDynalite } from "../support/dynalite-server.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";

let server: DynaliteServer;
let tables = 0;

beforeAll(async () => {
  if (missingDynalite === undefined) server = await startDynalite();
}, 60_000);
afterAll(async () => {
  await server?.remove();
}, 10_000);

const access = () => ({ endpoint: server.endpoint, region: "local", credentials: { accessKeyId: "local", secretAccessKey: "local" } });

function nextTable(): string {
  tables += 1;
  return `table-${tables}`;
}

describeWith(missingDynalite, "DynamoDB store", () => {
  const contract = executionStoreContract(async () => {
    const table = nextTable();
    const clock = createShiftedClock();
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = createDynamodbStore({ ...access(), table, clock, noticeDelayMs: 20 });
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
  for (const { name, run } of contract) it(name, run, 60_000);
});
