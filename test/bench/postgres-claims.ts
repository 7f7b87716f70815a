import pg from "pg";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { median } from "./rounds.ts";

const queued = 100_000;
const finished = 1_000_000;
const claimSize = 10;
const claimsEach = 300;

export interface ClaimCost {
  readonly name: string;
  readonly ms: number;
  readonly pages: number;
}

interface Table {
  readonly name: string;
  readonly schema: string;
  readonly store: ExecutionStore;
  readonly took: number[];
}

/** What claims of ten cost from a queue of 100 000, with and without a million that have finished: in turns, without statistics. */
export async function measureClaims(connectionString: string): Promise<ClaimCost[]> {
  const admin = new pg.Client({ connectionString });
  await admin.connect();
  const tables = [
    await fillTable(admin, connectionString, "none finished", "few", 0),
    await fillTable(admin, connectionString, "1 000 000 finished", "many", finished),
  ];
  await admin.query("CHECKPOINT");
  for (let count = -20; count < claimsEach; count++) {
    for (const { store, took } of tables) {
      const startedAt = performance.now();
      await store.claim({
        ...{
          name: "bench",
          owner: "w",
          claimId: `claim ${count}`,
          limit: claimSize,
          leaseMs: 600_000,
          machineId: "function",
          versions: [],
        },
      });
      if (count >= 0) took.push(performance.now() - startedAt);
    }
  }
  const costs: ClaimCost[] = [];
  for (const { name, schema, store, took } of tables) {
    costs.push({ name, ms: median(took.sort((a, b) => a - b)), pages: await pagesPerClaim(admin, schema) });
    await store.close();
  }
  await admin.end();
  return costs;
}

async function fillTable(admin: pg.Client, connectionString: string, name: string, schema: string, ended: number): Promise<Table> {
  process.stderr.write(`claims: filling a table, ${name}\n`);
  const store = createPostgresStore({ connectionString, schema });
  await store.counts({ name: "bench" });
  await admin.query(`ALTER TABLE ${schema}.executions SET (autovacuum_enabled = off)`);
  const insert = (count: number, phase: string, status: string, completedAt: string) =>
    admin.query(`INSERT INTO ${schema}.executions ("sequence", "position", "name", "id", "startToken", "rank", "group", "machineId", "machineKey", "queuedAt",
      "readySince", "maxAttempts", "maxTakeovers", "tags", "input", "phase", "status", "completedAt")
      SELECT n, n, 'bench', md5(n::text), 's', 0, '', 'function', 'function' || chr(1), 1, 1, 1, 1, '[]', '{}', '${phase}', '${status}', ${completedAt}
      FROM (SELECT nextval('${schema}.positions') AS n FROM generate_series(1, ${count})) AS numbers`);
  if (ended > 0) await insert(ended, "final", "completed", "n");
  await insert(queued, "ready", "queued", "NULL");
  return { name, schema, store, took: [] };
}

/** The first in a session also reads the catalogue. */
async function pagesPerClaim(admin: pg.Client, schema: string): Promise<number> {
  let pages = 0;
  for (let round = 0; round < 3; round++) {
    const { rows } =
      await admin.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM ${schema}.claim('bench', 'w', 'pages ${round}', ${claimSize}, 600000,
      'function' || chr(1), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
    const plan = rows[0]["QUERY PLAN"][0].Plan;
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
  }
  return pages;
}
