import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSqliteStore } from "../../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";

let folder: string;
const undo: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "durable-"));
});
afterEach(async () => {
  for (const close of undo.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

function openStore() {
  const store = createSqliteStore({ filename: join(folder, "executions.sqlite") });
  undo.push(() => store.close());
  return store;
}

test("two workers share a SQLite file: each execution is run once, and the client gets every result", async () => {
  const runs = new Map<number, number>();
  const orchestrator = async (n: number, { checkpoint }: ExecutionScope) => {
    runs.set(n, (runs.get(n) ?? 0) + 1);
    await checkpoint({ n });
    return n + 1;
  };
  const client = createDurableCoordinator({ name: "sums", store: openStore(), orchestrator, role: "client" });
  undo.push(() => client.close());
  for (let count = 0; count < 2; count++) {
    const worker = createDurableCoordinator({ name: "sums", store: openStore(), orchestrator, role: "worker", maxConcurrent: 20 });
    undo.push(() => worker.close());
  }
  const ids = await client.startMany(Array.from({ length: 200 }, (_, n) => ({ input: n })));
  const results = await Promise.all(ids.map((id) => client.waitFor(id)));
  expect(results).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
});

test("a start within a transaction comes and goes with it", async () => {
  const store = openStore();
  const both = createDurableCoordinator({ name: "sums", store, orchestrator: async (n: number) => n });
  undo.push(() => both.close());
  const starts: Promise<string>[] = [];
  await store.transaction((transaction) => void starts.push(both.start(1, { id: "kept", transaction })));
  const rolledBack = store.transaction((transaction) => {
    const start = both.start(2, { id: "gone", transaction });
    start.catch(() => {});
    throw new Error("no");
  });
  await expect(rolledBack).rejects.toThrow("no");
  expect(await starts[0]).toBe("kept");
  let many: Promise<string[]> | undefined;
  await store.transaction((transaction) => {
    const input = 3;
    // What a key stands for already refuses nothing.
    const again = { input, options: { idempotencyKey: "k" } };
    const first = both.start(input, { id: "first", idempotencyKey: "k", transaction });
    first.catch(() => {});
    many = both.startMany([again, { input, options: { id: "second" } }], { transaction });
  });
  expect(await many).toEqual(["first", "second"]);
  expect(await both.waitFor("kept")).toBe(1);
  expect(await both.getStatus("gone")).toBeUndefined();
});
