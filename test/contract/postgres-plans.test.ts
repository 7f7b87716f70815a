import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";

const finished = 1_000_000;
const queued = 100_000;

let server: PostgresServer;
let client: pg.Client;
let store: ExecutionStore;
let claims = 0;

beforeAll(async () => {
  server = await startPostgres();
  client = new pg.Client({ connectionString: server.connectionString });
  await client.connect();
  store = createPostgresStore({ connectionString: server.connectionString });
  await store.insert({ name: "t", executions: [newExecution("first")] });
  // Statistics come when this test asks for them.
  await client.query("ALTER TABLE actorfleet.executions SET (autovacuum_enabled = off)");
}, 60_000);
afterAll(async () => {
  await store?.close();
  await client?.end();
  await server?.remove();
});

async function fill(count: number, prefix: string, columns: string, values: string): Promise<void> {
  await client.query(`INSERT INTO actorfleet.executions ("sequence", "position", "name", "id", "startToken", "rank", "group", "machineId", "machineKey", "queuedAt",
    "readySince", "maxAttempts", "maxTakeovers", "tags", "input", ${columns})
    SELECT n, n, 't', '${prefix}' || n, 's', 0, '', 'machine', 'machine' || chr(1), 1, 1, 1, 1, '[]', '{}', ${values}
    FROM (SELECT nextval('actorfleet.positions') AS n FROM generate_series(1, ${count})) AS numbers`);
}

/** Pages touched by one claim of ten, its parts included; the first in a session also reads the catalogue, so the third counts. */
async function pagesPerClaim(): Promise<number> {
  const session = new pg.Client({ connectionString: server.connectionString });
  await session.connect();
  let pages = 0;
  for (let round = 0; round < 3; round++) {
    claims += 1;
    const { rows } = await session.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)
      SELECT * FROM actorfleet.claim('t', 'w', 'plan ${claims}', 10, 60000, 'machine' || chr(1), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`);
    const plan = rows[0]["QUERY PLAN"][0].Plan;
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
  }
  await session.end();
  return pages;
}

describeWithPostgres("plans on Postgres", () => {
  it("a claim touches as many pages whatever the statistics say and however many records have finished", async () => {
    await fill(100, "little", '"phase"', "'ready'");
    const small = await pagesPerClaim();
    await fill(finished, "done", '"phase", "status", "completedAt"', "'final', 'completed', n");
    const neverAnalysed = await pagesPerClaim();
    await client.query("ANALYZE actorfleet.executions");
    await fill(queued, "waiting", '"phase"', "'ready'");
    const stale = await pagesPerClaim();
    await client.query("ANALYZE actorfleet.executions");
    const fresh = await pagesPerClaim();
    // A higher tree has a page more on each way down; a scan would touch tens of thousands.
    for (const pages of [neverAnalysed, stale, fresh]) expect(pages).toBeLessThan(small * 3);
    expect(Math.max(neverAnalysed, stale, fresh)).toBeLessThan(Math.min(neverAnalysed, stale, fresh) * 1.3 + 20);
  }, 120_000);
});
