import { afterAll, beforeAll, expect, it } from "vitest";
import { createDynamodbStore } from "../../src/adapters/aws/index.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { storeWorld } from "../support/contract-worlds.ts";
import { describeWith } from "../support/describe-with.ts";
import { type DynaliteServer, missingDynalite, startDynalite } from "../support/dynalite-server.ts";
import { HttpProxy } from "../support/http-proxy.ts";
import { expectSharedClaims } from "../support/shared-claims.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { complete, giveUp, loseAnswers, name, throttle } from "./table-service.ts";

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
    const clock = createShiftedClock();
    const options = { ...access(), table: nextTable(), clock, noticeDelayMs: 20 };
    return storeWorld(
      () => createDynamodbStore(options),
      async (ms) => clock.move(ms),
    );
  });
  for (const { name, run } of contract) it(name, run, 60_000);
});

describeWith(missingDynalite, "DynamoDB store, on its own", () => {
  const operationOf = ({ headers }: { headers: Record<string, string | string[] | undefined> }) =>
    String(headers["x-amz-target"]).split(".").at(-1);

  async function withProxy(run: (proxy: HttpProxy, store: ExecutionStore) => Promise<void>): Promise<void> {
    const proxy = await HttpProxy.listen(server.port);
    const store = createDynamodbStore({ ...access(), table: nextTable(), endpoint: `http://127.0.0.1:${proxy.port}` });
    await run(proxy, store);
    await store.close();
    await proxy.close();
  }

  it("two processes that claim at once never get the same execution, and leave none", async () => {
    const table = nextTable();
    const store = createDynamodbStore({ ...access(), table });
    await expectSharedClaims(store, { kind: "dynamodb", endpoint: server.endpoint, table }, 300);
    await store.close();
  }, 60_000);

  it("answers that are lost after each write change nothing: the client repeats, and is not taken for somebody else", async () => {
    await withProxy(async (proxy, store) => {
      const lost = await loseAnswers(proxy, store, (request) => (operationOf(request) === "PutItem" ? request.body : undefined));
      expect(lost).toBeGreaterThan(6);
    });
  }, 30_000);

  it("a table that throttles slows calls down, and when it goes on rejects them as unavailable", async () => {
    const throttled = {
      status: 400,
      headers: { "content-type": "application/x-amz-json-1.0" },
      body: JSON.stringify({ __type: "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", message: "too much" }),
    };
    await withProxy(async (proxy, store) => {
      const error = await throttle(proxy, store, (request) => operationOf(request) === "PutItem", throttled);
      expect(String(error)).toContain("too much");
    });
  }, 30_000);

  it("what a batch leaves undone is asked for again", async () => {
    await withProxy(async (proxy, store) => {
      const executions = Array.from({ length: 5 }, (_, index) => newExecution(`e${index}`));
      await store.insert({ name, executions });
      let cuts = 3;
      proxy.treat = (request) => {
        if (operationOf(request) !== "BatchGetItem" || cuts-- <= 0) return "pass";
        const { RequestItems } = JSON.parse(request.body);
        return {
          status: 200,
          headers: { "content-type": "application/x-amz-json-1.0" },
          body: JSON.stringify({ Responses: {}, UnprocessedKeys: RequestItems }),
        };
      };
      const records = await store.get(
        name,
        executions.map(({ id }) => id),
      );
      expect(records.map((record) => record?.id)).toEqual(executions.map(({ id }) => id));
    });
  }, 30_000);

  it("a service that does not answer is given up in time, and a close does not wait for it", async () => {
    const proxy = await HttpProxy.listen(server.port);
    const frozen = await TcpProxy.listen(proxy.port);
    const store = createDynamodbStore({
      ...access(),
      table: nextTable(),
      endpoint: `http://127.0.0.1:${frozen.port}`,
      operationTimeoutMs: 500,
    });
    await giveUp(store, () => frozen.freeze({ newOnes: true }));
    await frozen.close();
    await proxy.close();
  }, 30_000);

  it("the data survives the end of the service", async () => {
    const table = nextTable();
    const store = createDynamodbStore({ ...access(), table });
    await store.insert({ name, executions: [newExecution("a")] });
    await server.crash();
    await server.start();
    expect((await store.counts({ name })).queued).toBe(1);
    await store.close();
  }, 30_000);

  it("a client of the caller is used and stays open, and its table may have to be there", async () => {
    const { DynamoDBClient, ListTablesCommand } = await import("@aws-sdk/client-dynamodb");
    const client = new DynamoDBClient(access());
    const missing = createDynamodbStore({ client, table: "missing", create: false });
    await expect(missing.counts({ name })).rejects.toThrow(InvalidOptionsError);
    await missing.close();
    const store = createDynamodbStore({ client, table: nextTable() });
    await store.insert({ name, executions: [newExecution("a")] });
    await store.close();
    await expect(store.counts({ name })).rejects.toThrow(CoordinatorClosedError);
    expect((await client.send(new ListTablesCommand({}))).TableNames?.length).toBeGreaterThan(0);
    client.destroy();
  });

  it("stores that create a table at once all succeed", async () => {
    const table = nextTable();
    const stores = Array.from({ length: 4 }, () => createDynamodbStore({ ...access(), table }));
    await Promise.all(stores.map((store) => store.counts({ name })));
    await Promise.all(stores.map((store) => store.close()));
  }, 30_000);

  it("costs so many requests: one write to start, three requests to claim ten, one write and a tenth of a read to end each", async () => {
    await withProxy(async (proxy, store) => {
      await store.insert({ name, executions: [newExecution("first")] });
      const cost = async (run: () => Promise<unknown>) => {
        const before = proxy.requests.length;
        await run();
        const counted = new Map<string | undefined, number>();
        for (const request of proxy.requests.slice(before)) counted.set(operationOf(request), (counted.get(operationOf(request)) ?? 0) + 1);
        return Object.fromEntries(counted);
      };
      // What tells other processes that there is work is written at most ten times a second, and counts for itself.
      const inserted = await cost(() =>
        store.insert({ name, executions: Array.from({ length: 9 }, (_, index) => newExecution(`e${index}`)) }),
      );
      expect(inserted.PutItem).toBeLessThanOrEqual(9 + 1);
      const request = { name, owner: "w", claimId: "c", limit: 10, leaseMs: 60_000, machineId: "machine", versions: ["1"] };
      let claimed: Awaited<ReturnType<typeof store.claim>> | undefined;
      const claiming = await cost(async () => {
        claimed = await store.claim(request);
      });
      expect(claimed?.executions).toHaveLength(10);
      expect({ ...claiming, PutItem: claiming.PutItem }).toMatchObject({ Query: 3, BatchGetItem: 1, PutItem: 10 });
      const settlements = (claimed?.executions ?? []).map(({ id, fence }) => ({ id, fence, outcome: complete }));
      // Of the two starts others are told; of the second a moment later, which would count for the settlements.
      await expect.poll(() => proxy.requests.filter((sent) => operationOf(sent) === "BatchWriteItem").length).toBe(2);
      expect(await cost(() => store.settle({ name, owner: "w", settlements }))).toEqual({ BatchGetItem: 1, PutItem: 10 });
    });
  }, 30_000);

  it("refuses options that cannot be", () => {
    expect(() => createDynamodbStore({ table: "a b" })).toThrow("table: expected 3 to 255 letters");
    expect(() => createDynamodbStore({ client: {} as never })).toThrow(InvalidOptionsError);
    expect(() => createDynamodbStore({ tabel: "abc" } as never)).toThrow("tabel");
  });
});
