import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { SchemaVersionError, StoreUnavailableError, UnsupportedOperationError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { claimInProcess } from "../support/claiming-process.ts";

let folder: string;
let filename: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "actorfleet-"));
  filename = join(folder, "store.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("SQLite store", () => {
  const contract = executionStoreContract(async () => {
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = createSqliteStore({ filename, clock });
      opened.push(store);
      return store;
    };
    return {
      store: open(),
      openSecond: async () => open(),
      elapse: (ms) => clock.advance(ms),
      close: async () => {
        for (const store of opened) await store.close();
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});

describe("SQLite store, on its own", () => {
  it("two processes that claim at once never get the same execution, and leave none", async () => {
    const store = createSqliteStore({ filename });
    await store.insert({ name: "p", executions: Array.from({ length: 2_000 }, (_, index) => newExecution(`e${index}`)) });
    const taken = await Promise.all([claimInProcess({ kind: "sqlite", filename }), claimInProcess({ kind: "sqlite", filename })]);
    expect(new Set(taken.flat()).size).toBe(2_000);
    expect(taken.flat().length).toBe(2_000);
    await store.close();
  }, 30_000);

  it("a start within a transaction commits with the application's own data", async () => {
    const store = createSqliteStore({ filename });
    const reports = await store.transaction((transaction) => {
      transaction.database.exec("CREATE TABLE orders (id TEXT)");
      transaction.database.exec("INSERT INTO orders VALUES ('o1')");
      void store.insert({ name: "t", executions: [newExecution("a")], transaction });
      return transaction.database.prepare("SELECT count(*) AS count FROM orders").all();
    });
    expect(reports).toEqual([{ count: 1 }]);
    expect((await store.counts({ name: "t" })).queued).toBe(1);
    await store.close();
  });

  it("a start within a transaction that throws never was", async () => {
    const store = createSqliteStore({ filename });
    const failing = store.transaction((transaction) => {
      void store.insert({ name: "t", executions: [newExecution("a")], transaction });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect((await store.counts({ name: "t" })).total).toBe(0);
    await store.close();
  });

  it("a transaction takes no promise, and its handle ends with it", async () => {
    const store = createSqliteStore({ filename });
    await expect(store.transaction(async () => 1)).rejects.toThrow(UnsupportedOperationError);
    let kept: unknown;
    await store.transaction((transaction) => {
      kept = transaction;
    });
    await expect(store.insert({ name: "t", executions: [newExecution("a")], transaction: kept })).rejects.toThrow(
      UnsupportedOperationError,
    );
    await store.close();
  });

  it("a file with a newer schema is refused", async () => {
    const store = createSqliteStore({ filename });
    await store.counts({ name: "t" });
    await store.close();
    const database = new DatabaseSync(filename);
    database.exec("UPDATE actorfleet_meta SET value = 999 WHERE key = 'schema'");
    database.close();
    const newer = createSqliteStore({ filename });
    await expect(newer.counts({ name: "t" })).rejects.toThrow(SchemaVersionError);
    await newer.close();
  });

  it("a write waits asynchronously while another process writes, and goes on when it may", async () => {
    const store = createSqliteStore({ filename });
    await store.counts({ name: "t" });
    const other = new DatabaseSync(filename);
    other.exec("BEGIN IMMEDIATE");
    const insert = store.insert({ name: "t", executions: [newExecution("a")] });
    await new Promise(setImmediate);
    other.exec("COMMIT");
    other.close();
    expect((await insert)[0]?.inserted).toBe(true);
    await store.close();
  });

  it("a write that may not begin in time says that the store is unavailable", async () => {
    const clock = new VirtualClock();
    const store = createSqliteStore({ filename, clock, busyTimeoutMs: 100 });
    await store.counts({ name: "t" });
    const other = new DatabaseSync(filename);
    other.exec("BEGIN IMMEDIATE");
    const insert = expect(store.insert({ name: "t", executions: [newExecution("a")] })).rejects.toThrow(StoreUnavailableError);
    await clock.advance(500);
    await insert;
    other.close();
    await store.close();
  });

  it("what was accepted is there after the process is gone", async () => {
    const first = createSqliteStore({ filename });
    await first.insert({ name: "t", executions: [newExecution("a")] });
    const second = createSqliteStore({ filename });
    expect((await second.get("t", ["a"]))[0]?.id).toBe("a");
    await first.close();
    await second.close();
  });
});
