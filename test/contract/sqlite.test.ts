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
  }, 120_000);

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

  it("what a transaction that throws has begun under a new name is nobody else's", async () => {
    const store = createSqliteStore({ filename });
    const failing = store.transaction((transaction) => {
      void store.insert({ name: "first", executions: [newExecution("a")], transaction });
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    await store.insert({ name: "second", executions: [newExecution("a"), newExecution("b")] });
    await store.insert({ name: "first", executions: [newExecution("a")] });
    expect((await store.counts({ name: "first" })).total).toBe(1);
    expect((await store.list({ name: "second", limit: 5 })).items.map(({ id, name }) => `${name} ${id}`)).toEqual(["second a", "second b"]);
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

  it("of calls in one transaction, one that fails takes no other with it", async () => {
    const store = createSqliteStore({ filename });
    const calls = [
      store.insert({ name: "t", executions: [newExecution("a")] }),
      store.get("t", [{} as string]),
      store.insert({ name: "t", executions: [newExecution("b")] }),
    ];
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store.counts({ name: "t" })).queued).toBe(2);
    await store.close();
  });

  it("timers have their turn while writes go on", async () => {
    const store = createSqliteStore({ filename });
    let rang = false;
    setTimeout(() => {
      rang = true;
    }, 1);
    for (let index = 0; !rang; index++) await store.insert({ name: "t", executions: [newExecution(`e${index}`)] });
    await store.close();
  });

  it("a large input comes back letter by letter, and leaves nothing when it is removed", async () => {
    const clock = new VirtualClock();
    const store = createSqliteStore({ filename, clock });
    const input = JSON.stringify("ä\u0000😀".repeat(5_000));
    await store.insert({ name: "t", executions: [newExecution("a", { input, tags: ["x", "x", "y"] })] });
    const claim = { name: "t", owner: "w", claimId: "c", limit: 1, leaseMs: 1_000, machineId: "machine", versions: "any" } as const;
    const { executions } = await store.claim(claim);
    expect(executions[0]?.input === input).toBe(true);
    expect((await store.get("t", ["a"]))[0]?.input === input).toBe(true);
    expect((await store.list({ name: "t", tag: "x", limit: 5 })).items.map(({ id }) => id)).toEqual(["a"]);
    const fence = executions[0]?.fence as number;
    const checkpoint = { revision: 1, body: "{}", consumedSignal: 0 };
    await store.checkpoint({ name: "t", owner: "w", entries: [{ id: "a", fence, checkpoint }] });
    await store.appendSignals({ name: "t", signals: [{ id: "a", token: "s", body: "{}" }] });
    await store.settle({ name: "t", owner: "w", settlements: [{ id: "a", fence, outcome: { type: "complete" } }] });
    await clock.advance(10);
    expect(await store.remove({ name: "t", olderThanMs: 0 })).toBe(1);
    await store.close();
    const database = new DatabaseSync(filename);
    for (const table of ["executions", "inputs", "checkpoints", "tags", "signals", "events"])
      expect(database.prepare(`SELECT count(*) AS left FROM actorfleet_${table}`).get()).toEqual({ left: 0 });
    database.close();
  });

  it("watchers hear of work and ends of another connection when it writes, without looking at intervals", async () => {
    const first = createSqliteStore({ filename });
    const second = createSqliteStore({ filename, noticeDelayMs: 3_600_000 });
    const heard = new Set<string>();
    let hear = () => {};
    const watch = await second.watch({ name: "t", work: true, control: false }, (notice) => {
      if (notice.type !== "missed") heard.add(notice.type);
      hear();
    });
    await watch.follow(["a"]);
    const hears = (type: string) =>
      new Promise<void>((resolve) => {
        hear = () => heard.has(type) && resolve();
      });
    const work = hears("claimable");
    await first.insert({ name: "t", executions: [newExecution("a")] });
    await work;
    const end = hears("final");
    await first.requestCancel({ name: "t", cancels: [{ id: "a", token: "x" }] });
    await end;
    await watch.close();
    await first.close();
    await second.close();
  });

  it("counts are those of the rows, whatever has happened to them", async () => {
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    const store = createSqliteStore({ filename, clock });
    const claim = (claimId: string, limit: number) =>
      store.claim({ name: "t", owner: "w", claimId, limit, leaseMs: 1_000, machineId: "machine", versions: "any" });
    await store.insert({ name: "t", executions: Array.from({ length: 20 }, (_, index) => newExecution(`e${index}`, { maxTakeovers: 0 })) });
    await store.insert({ name: "t", executions: [newExecution("new"), newExecution("e0", { startToken: "other" })], atomic: true });
    const { executions } = await claim("1", 12);
    const token = (index: number) => ({ id: `e${index}`, fence: executions[index]?.fence as number });
    await store.requestCancel({ name: "t", cancels: [1, 15].map((index) => ({ id: `e${index}`, token: "x" })) });
    await store.settle({
      name: "t",
      owner: "w",
      settlements: [
        { ...token(0), outcome: { type: "complete", result: "1" } },
        { ...token(1), outcome: { type: "complete", result: "1" } },
        { ...token(2), outcome: { type: "fail", error: "{}" } },
        { ...token(3), outcome: { type: "retry", error: "{}", delayMs: 50, checkpoint: "drop" } },
        { ...token(4), outcome: { type: "release" } },
        { ...token(0), outcome: { type: "complete", result: "1" } },
      ],
    });
    const checkpoint = { revision: 1, body: "{}", consumedSignal: 0 };
    await store.park({ name: "t", owner: "w", entries: [5, 6, 7].map((index) => ({ ...token(index), checkpoint })) });
    await store.appendSignals({ name: "t", signals: [{ id: "e5", token: "s", body: "{}" }] });
    await claim("2", 1);
    await clock.advance(2_000);
    await store.sweep({ name: "t" });
    await store.remove({ name: "t", olderThanMs: 1_500 });
    const counts = await store.counts({ name: "t" });
    await store.close();
    const database = new DatabaseSync(filename);
    const rows = database.prepare('SELECT "status", count(*) AS "count" FROM actorfleet_executions GROUP BY "status"').all();
    const parked = database
      .prepare(`SELECT count(*) AS "count" FROM actorfleet_executions WHERE "status" = 'running' AND "phase" <> 'leased'`)
      .get();
    database.close();
    expect({ ...counts, unclaimable: 0 }).toEqual({
      ...{ queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, unclaimable: 0 },
      ...Object.fromEntries(rows.map(({ status, count }) => [status, count])),
      total: rows.reduce((sum, { count }) => sum + (count as number), 0),
      parked: parked?.count,
    });
    expect(counts.total).toBeGreaterThan(10);
  });
});
