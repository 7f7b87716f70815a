import { existsSync } from "node:fs";
import { TableClient } from "@azure/data-tables";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTableStore, type TableStoreOptions } from "../../src/adapters/azure/index.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { type Azurite, startAzurite } from "../support/azurite.ts";
import { storeWorld } from "../support/contract-worlds.ts";
import { describeWith } from "../support/describe-with.ts";
import { HttpProxy } from "../support/http-proxy.ts";
import { expectSharedClaims } from "../support/shared-claims.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";
import { giveUp, loseAnswers, name, throttle } from "./table-service.ts";

const missing = existsSync(new URL("../../node_modules/azurite", import.meta.url)) ? undefined : "azurite is not installed";
let server: Azurite;
let tables = 0;

beforeAll(async () => {
  if (missing === undefined) server = await startAzurite();
}, 60_000);
afterAll(async () => {
  await server?.remove();
}, 10_000);

function nextTable(): string {
  tables += 1;
  return `table${tables}`;
}

describeWith(missing, "Table Storage store", () => {
  const contract = executionStoreContract(async () => {
    const clock = createShiftedClock();
    const options = { connectionString: server.connectionString, table: nextTable(), clock, noticeDelayMs: 20 };
    return storeWorld(
      () => createTableStore(options),
      async (ms) => clock.move(ms),
    );
  });
  for (const { name, run } of contract) it(name, run, 180_000);
});

describeWith(missing, "Table Storage store, on its own", () => {
  const open = (options: Partial<TableStoreOptions> = {}) =>
    createTableStore({ connectionString: server.connectionString, table: nextTable(), ...options });

  async function withProxy(run: (proxy: HttpProxy, store: ExecutionStore) => Promise<void>): Promise<void> {
    const [, port] = /TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(server.connectionString) as unknown as [string, string];
    const proxy = await HttpProxy.listen(Number(port));
    const store = open({ connectionString: server.connectionString.replace(`127.0.0.1:${port}`, `127.0.0.1:${proxy.port}`) });
    await run(proxy, store);
    await store.close();
    await proxy.close();
  }

  it("two processes that claim at once never get the same execution, and leave none", async () => {
    const table = nextTable();
    const store = open({ table });
    await expectSharedClaims(store, { kind: "azure-table", connectionString: server.connectionString, table }, 60);
    await store.close();
  }, 120_000);

  it("answers that are lost after each write change nothing: the client repeats, and is not taken for somebody else", async () => {
    await withProxy(async (proxy, store) => {
      const lost = await loseAnswers(proxy, store, ({ method, path, body }) => {
        // Its boundaries differ from try to try.
        const what = `${method} ${path} ${body.replace(/(batch|changeset)_[\w-]+/g, "")}`;
        return method === "GET" || !/row/.test(path + body) ? undefined : what;
      });
      expect(lost).toBeGreaterThan(4);
    });
  }, 60_000);

  it("an account that throttles slows calls down, and when it goes on rejects them as unavailable", async () => {
    const throttled = {
      status: 503,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ "odata.error": { code: "ServerBusy", message: { lang: "en-US", value: "too much" } } }),
    };
    await withProxy(async (proxy, store) => {
      await throttle(proxy, store, ({ method }) => method === "POST", throttled);
    });
  }, 60_000);

  it("a service that does not answer is given up in time, and a close does not wait for it", async () => {
    await giveUp(open({ operationTimeoutMs: 500 }), () => server.freeze());
    server.thaw();
  }, 30_000);

  it("writes that come at once share a request, and one that is refused leaves the others written", async () => {
    await withProxy(async (proxy, store) => {
      await store.insert({ name, executions: [newExecution("e3")] });
      const before = proxy.requests.length;
      const executions = Array.from({ length: 8 }, (_, index) => newExecution(`e${index}`, { startToken: `${index}` }));
      const reports = await store.insert({ name, executions });
      expect(reports.map(({ inserted }) => inserted)).toEqual(executions.map(({ id }) => id !== "e3"));
      expect(proxy.requests.slice(before).filter(({ method }) => method === "POST").length).toBeLessThanOrEqual(4);
    });
  }, 30_000);

  it("lists the newest first, whenever they were started, in pages", async () => {
    const clock = createShiftedClock();
    const store = open({ clock });
    const started: string[] = [];
    for (const [index, gapMs] of [0, 1, 10, 5_000, 86_400_000, 30 * 86_400_000, 1, 0].entries()) {
      clock.move(gapMs);
      started.push(`e${index}`);
      await store.insert({ name, executions: [newExecution(`e${index}`)] });
    }
    const shown: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await store.list({ name, limit: 3, order: "newest", ...(cursor !== undefined && { cursor }) });
      shown.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (cursor === undefined) break;
    }
    expect(shown).toEqual(started.reverse());
    await store.close();
  }, 60_000);

  it("a client of the caller is used, and its table may have to be there", async () => {
    const client = TableClient.fromConnectionString(server.connectionString, "missing", { allowInsecureConnection: true });
    const missing = createTableStore({ client, create: false });
    await expect(missing.counts({ name })).rejects.toThrow(InvalidOptionsError);
    await missing.close();
    const store = createTableStore({ client });
    await store.insert({ name, executions: [newExecution("a")] });
    await store.close();
    await expect(store.counts({ name })).rejects.toThrow(CoordinatorClosedError);
  }, 30_000);

  it("refuses options that cannot be", () => {
    expect(() => createTableStore({})).toThrow("a connection string or a client");
    expect(() => open({ table: "a-b" })).toThrow("table: expected 3 to 63 letters");
    expect(() => createTableStore({ client: {} as never })).toThrow(InvalidOptionsError);
  });
});
