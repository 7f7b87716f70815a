import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { createSqliteStore, type SqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { within } from "./fault-world.ts";
import { mountSmallDisk } from "./small-disk.ts";

interface LimitedFile {
  readonly how: string;
  readonly folder: string;
  fill(store: SqliteStore): Promise<void>;
  free(store: SqliteStore): Promise<void>;
  remove(): void;
}

const disk = mountSmallDisk(6);
const instead = typeof disk === "string" ? `; no small disk could be mounted: ${disk}` : "";
/** SQLite gives up in different places: when the operating system refuses, and when the file may not become larger. */
const files = [limitPages(), ...(typeof disk === "string" ? [] : [limitDisk(disk)])];

function limitDisk({ folder, fill, free, remove }: Exclude<typeof disk, string>): LimitedFile {
  return { how: "a file on a small disk", folder, fill: async () => fill(0), free: async () => free(), remove };
}

function limitPages(): LimitedFile {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-disk-"));
  const limit = (store: SqliteStore, pages: string) =>
    store.transaction(({ database }) => void database.prepare(`PRAGMA max_page_count = ${pages}`).get());
  return {
    how: `a file with a limit${instead}`,
    folder,
    fill: (store) => limit(store, "1"), // As many as there are.
    free: (store) => limit(store, "1000000"),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of undo.splice(0).reverse()) await close();
});
afterAll(() => {
  for (const file of files) file.remove();
});

describe.each(files)("a full disk, $how", (file) => {
  test(`starts are refused with a typed error, what was accepted goes on when there is room again`, async () => {
    const store = createSqliteStore({ filename: join(file.folder, "starts.sqlite") });
    const errors: unknown[] = [];
    undo.push(() => store.close());
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const orchestrator = async ({ n }: { n: number; filling?: string }, { checkpoint, restored }: ExecutionScope) => {
      if (restored === undefined) {
        await checkpoint("begun".repeat(100));
        await held;
      }
      return n;
    };
    const both = createDurableCoordinator({
      ...{ name: "t", store, orchestrator, leaseMs: 1_500, maxConcurrent: 4, maxTakeovers: 20 },
      onError: (error) => {
        if (!(error instanceof StoreUnavailableError)) errors.push(error);
      },
    });
    undo.push(() => both.close({ deadlineMs: 0 }));
    const accepted = await both.startMany(Array.from({ length: 8 }, (_, n) => ({ input: { n } })));
    await expect.poll(() => both.stats.getSnapshot().context.running).toBe(4);
    await file.fill(store);
    // Small rests of pages may be left; sooner or later every start is refused.
    const filling = "x".repeat(20_000);
    let refusal: unknown;
    await within(
      30_000,
      "a full disk",
      (async () => {
        for (let n = 8; refusal === undefined; n++) {
          await both.start({ n, filling }, { id: `filling-${n}` }).then(
            (id) => accepted.push(id),
            (error) => {
              refusal = error;
            },
          );
        }
      })(),
    );
    expect(refusal).toBeInstanceOf(StoreUnavailableError);
    // What is there can be read meanwhile.
    expect((await both.counts()).total).toBe(accepted.length);
    letGo();
    await file.free(store);
    const results = await within(30_000, "the ends of what was accepted", Promise.all(accepted.map((id) => both.waitFor(id))));
    expect(results).toEqual(accepted.map((_, n) => n));
    expect(await both.counts()).toMatchObject({ completed: accepted.length, total: accepted.length });
    expect(errors).toEqual([]);
  }, 120_000);

  test(`of calls that share a transaction each succeeds or is told that the store is unavailable`, async () => {
    const store = createSqliteStore({ filename: join(file.folder, "calls.sqlite") });
    undo.push(() => store.close());
    await store.insert({ name: "t", executions: [newExecution("first")] });
    await file.fill(store);
    const refused: unknown[] = [];
    const accepted: string[] = ["first"];
    for (let round = 0; refused.length < 12 && round < 1_000; round++) {
      const calls = ["small", "large", "small too"].map(async (what) => {
        const id = `${what} ${round}`;
        const input = JSON.stringify(what === "large" ? "x".repeat(50_000) : "x");
        await store.insert({ name: "t", executions: [newExecution(id, { input })] });
        accepted.push(id);
      });
      for (const call of await Promise.allSettled(calls)) if (call.status === "rejected") refused.push(call.reason);
    }
    expect(refused.filter((error) => !(error instanceof StoreUnavailableError))).toEqual([]);
    expect(refused.length).toBeGreaterThanOrEqual(12);
    await file.free(store);
    await store.insert({ name: "t", executions: [newExecution("last")] });
    expect((await store.counts({ name: "t" })).total).toBe(accepted.length + 1);
    expect((await store.get("t", accepted)).every((record) => record !== undefined)).toBe(true);
  }, 120_000);
});
