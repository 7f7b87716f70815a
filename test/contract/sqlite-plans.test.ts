import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "actorfleet-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

/** Every statement that the store runs for the whole contract. */
async function statementsOfContract(filename: string): Promise<Set<string>> {
  const statements = new Set<string>();
  for (const method of ["run", "get", "all"] as const) {
    const original = StatementSync.prototype[method] as (...values: never[]) => never;
    vi.spyOn(StatementSync.prototype, method).mockImplementation(function (this: StatementSync, ...values: never[]) {
      statements.add(this.sourceSQL);
      return original.apply(this, values);
    } as never);
  }
  let files = 0;
  const contract = executionStoreContract(async () => {
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    files += 1;
    const opened = [createSqliteStore({ filename: `${filename}${files}`, clock })];
    return {
      store: opened[0] as ReturnType<typeof createSqliteStore>,
      openSecond: async () => {
        const second = createSqliteStore({ filename: `${filename}${files}`, clock });
        opened.push(second);
        return second;
      },
      elapse: (ms) => clock.advance(ms),
      close: async () => {
        for (const store of opened) await store.close();
      },
    };
  });
  for (const { run } of contract) await run();
  const store = createSqliteStore({ filename: `${filename}1` });
  for (const status of [undefined, "queued", "running", "completed", "failed", "cancelled"] as const)
    for (const group of [undefined, "g"])
      for (const tag of [undefined, "t"])
        for (const order of ["oldest", "newest"] as const)
          await store.list({ name: "n", limit: 5, order, ...(status && { status }), ...(group && { group }), ...(tag && { tag }) });
  await store.findOverdue({ name: "n", waitingMs: 1, limit: 5 });
  await store.close();
  vi.restoreAllMocks();
  return statements;
}

/** A page of everything, or of what has completed: it is full after a few rows. */
const walksByOrder = (statement: string) => /"sequence" [<>] \?2( AND "status" = 'completed')? ORDER BY/.test(statement);

it("no statement walks through the executions, and none is compiled anew for each limit", async () => {
  const statements = await statementsOfContract(join(folder, "contract"));
  expect(statements.size).toBeGreaterThan(40);
  const database = new DatabaseSync(join(folder, "contract1"));
  const walks: string[] = [];
  for (const statement of statements) {
    expect(statement).not.toMatch(/(LIMIT|OFFSET) \?\d*(?!\d| \+ 0)/);
    if (
      !statement.includes("actorfleet_executions") ||
      statement.startsWith("INSERT INTO actorfleet_executions") ||
      walksByOrder(statement)
    )
      continue;
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${statement}`).all() as { detail: string }[];
    for (const { detail } of plan)
      if (/SCAN actorfleet|\(rowid[<>]\?\)|by_id \(name=\?\)/.test(detail)) walks.push(`${detail}: ${statement}`);
  }
  database.close();
  expect(walks).toEqual([]);
}, 120_000);
