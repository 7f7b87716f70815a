import { DatabaseSync } from "node:sqlite";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import type { Part } from "./report.ts";
import { measureInRounds } from "./rounds.ts";
import { withFile } from "./sqlite-files.ts";
import { toFigure, toTable } from "./table.ts";

const finishedCount = 1_000_000;
const queuedCount = 100_000;
const claimsPerSample = 200;
const claimSize = 10;
const name = "bench";

/** A claim of ten and their settlement, in a file that holds nothing else and in one that holds a million finished and many queued ones. */
export async function measureClaims({ rounds }: { rounds: number }): Promise<Part> {
  const figures = await withFile((empty) =>
    withFile(async (full) => {
      const stores = [createSqliteStore({ filename: empty }), createSqliteStore({ filename: full })] as const;
      await fill(full, stores[1]);
      // Code that is not compiled yet would be on the account of whoever comes first.
      for (const store of stores) await sampleOf(store);
      const measured = await measureInRounds(
        "claims",
        [
          { name: "nothing else", sample: () => sampleOf(stores[0]) },
          { name: "1,000,000 finished, 100,000 queued", sample: () => sampleOf(stores[1]) },
        ],
        rounds,
      );
      for (const store of stores) await store.close();
      return measured;
    }),
  );
  const [empty, full] = figures;
  return {
    title: `µs per execution for a claim of ${claimSize} and their settlement, by what else is in the file`,
    table: toTable(
      ["", "median", "least"],
      figures.map(({ name: what, median, min }) => [what, toFigure(median), toFigure(min)]),
    ),
    figures: { figures },
    targets: [
      {
        promise: "claims beside a million finished against an empty table",
        value: (full?.median ?? Number.NaN) / (empty?.median ?? Number.NaN),
        atMost: 1.2,
      },
    ],
  };
}

let inserted = 0;
let claimed = 0;

async function insert(store: ExecutionStore, count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1_000) {
    const executions = Array.from({ length: Math.min(left, 1_000) }, () => newExecution(String(inserted++).padStart(10, "0")));
    await store.insert({ name, executions });
  }
}

async function sampleOf(store: ExecutionStore): Promise<number> {
  await insert(store, claimsPerSample * claimSize);
  const startedAt = performance.now();
  for (let index = 0; index < claimsPerSample; index += 1) {
    const { executions } = await store.claim({
      ...{ name, owner: "bench", claimId: `claim ${claimed++}`, limit: claimSize, leaseMs: 60_000 },
      ...{ machineId: "machine", versions: "any" as const },
    });
    if (executions.length !== claimSize) throw new Error(`a claim got ${executions.length}`);
    await store.settle({
      ...{ name, owner: "bench" },
      settlements: executions.map(({ id, fence }) => ({ id, fence, outcome: { type: "complete", result: "1" } })),
    });
  }
  return ((performance.now() - startedAt) * 1_000) / (claimsPerSample * claimSize);
}

/** Runs one, copies its row a million times, and queues the rest. */
async function fill(filename: string, store: ExecutionStore): Promise<void> {
  process.stderr.write("claims: filling the file\n");
  await insert(store, 1);
  const { executions } = await store.claim({
    ...{ name, owner: "bench", claimId: "fill", limit: 1, leaseMs: 60_000, machineId: "machine", versions: "any" },
  });
  await store.settle({
    ...{ name, owner: "bench" },
    settlements: executions.map(({ id, fence }) => ({ id, fence, outcome: { type: "complete", result: "1" } })),
  });
  const database = new DatabaseSync(filename);
  const columns = (database.prepare("PRAGMA table_info(actorfleet_executions)").all() as { name: string }[]).map((column) => column.name);
  const values: Record<string, string> = {
    sequence: "number + 1",
    position: "number + 1",
    id: "printf('f%09d', number)",
    completedAt: '"completedAt" + number / 1000',
  };
  database.exec(`BEGIN IMMEDIATE;
    INSERT INTO actorfleet_executions (${columns.map((column) => `"${column}"`).join(", ")})
      WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < ${finishedCount})
      SELECT ${columns.map((column) => values[column] ?? `"${column}"`).join(", ")} FROM numbers, (SELECT * FROM actorfleet_executions LIMIT 1);
    UPDATE actorfleet_spaces SET "completed" = "completed" + ${finishedCount};
    UPDATE actorfleet_meta SET "value" = ${finishedCount + 2} WHERE "key" = 'position';
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  await insert(store, queuedCount);
}
