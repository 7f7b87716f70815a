import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createSqliteStore, type SqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import { within } from "./fault-world.ts";
import { mountSmallDisk } from "./small-disk.ts";

interface LimitedFile {
  readonly folder: string;
  fill(store: SqliteStore): Promise<void>;
  free(store: SqliteStore): Promise<void>;
  remove(): void;
}

const disk = mountSmallDisk(6);
/** Where nothing can be mounted, SQLite itself is told how large its file may become, which gives the same error at the same places. */
const file = typeof disk === "string" ? limitPages() : limitDisk(disk);
const how =
  typeof disk === "string" ? `of a file with a limit, because no small disk could be mounted: ${disk}` : "of a file on a small disk";

function limitDisk({ folder, fill, free, remove }: Exclude<typeof disk, string>): LimitedFile {
  return { folder, fill: async () => fill(0), free: async () => free(), remove };
}

function limitPages(): LimitedFile {
  const folder = mkdtempSync(join(tmpdir(), "actorfleet-disk-"));
  const limit = (store: SqliteStore, pages: string) =>
    store.transaction(({ database }) => void database.prepare(`PRAGMA max_page_count = ${pages}`).get());
  return {
    folder,
    fill: (store) => limit(store, "1"), // As many as there are.
    free: (store) => limit(store, "1000000"),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of undo.splice(0).reverse()) await close();
  file.remove();
});

test(`a full disk (${how}): starts are refused with a typed error, what was accepted goes on when there is room again`, async () => {
  const store = createSqliteStore({ filename: join(file.folder, "executions.sqlite") });
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
}, 90_000);
