import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";

const finished = 1_000_000;
const queued = 5_000;
const batch = 10;

let server: PostgresServer;
let client: pg.Client;
let store: ExecutionStore;
/** Whose plans were made while the table was empty; they stay as they are until statistics are taken. */
let veteran: pg.Client;
let claims = 0;

beforeAll(async () => {
  // Statistics come when this test asks for them, and nothing here has to survive a crash.
  server = await startPostgres({
    autovacuum: "off",
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
    shared_buffers: "512MB",
  });
  client = await connect();
  veteran = await connect();
  store = createPostgresStore({ connectionString: server.connectionString });
  await store.insert({ name: "t", executions: [newExecution("first")] });
  await client.query("ALTER TABLE actorfleet.executions SET UNLOGGED");
}, 120_000);
afterAll(async () => {
  await store?.close();
  await veteran?.end();
  await client?.end();
  await server?.remove();
});

async function connect(): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: server.connectionString });
  await session.connect();
  return session;
}

async function fill(count: number, prefix: string, columns: string, values: string): Promise<void> {
  await client.query(`INSERT INTO actorfleet.executions ("sequence", "position", "name", "id", "startToken", "rank", "group", "machineId", "machineKey", "queuedAt",
    "readySince", "maxAttempts", "maxTakeovers", "tags", "input", ${columns})
    SELECT n, n, 't', '${prefix}' || n, 's', 0, '', 'machine', 'machine' || chr(1), 1, 1, 1, 1, '[]', '{}', ${values}
    FROM (SELECT nextval('actorfleet.positions') AS n FROM generate_series(1, ${count})) AS numbers`);
}

const fillQueued = (prefix: string) => fill(queued, prefix, '"phase"', "'ready'");

/** Pages that the statement touches, with all that it calls. */
async function pagesOf(session: pg.Client, sql: string): Promise<number> {
  const { rows } = await session.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`);
  const plan = rows[0]["QUERY PLAN"][0].Plan;
  return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"];
}

/** Pages of a claim of ten, and of their settlement, by a session. The first in a session also reads the catalogue, so the third counts. */
async function pages(session: pg.Client): Promise<{ claim: number; settle: number }> {
  let counted = { claim: 0, settle: 0 };
  for (let round = 0; round < 3; round++) {
    claims += 1;
    const owner = `plan ${claims}`;
    const claim = await pagesOf(
      session,
      `SELECT * FROM actorfleet.claim('t', '${owner}', '${owner}', ${batch}, 60000, 'machine' || chr(1), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
    );
    const held = await client.query(`SELECT "id", "fence" FROM actorfleet.executions WHERE "owner" = $1`, [owner]);
    expect(held.rows).toHaveLength(batch);
    const list = (value: string) => `'{${Array.from({ length: batch }, () => value).join(",")}}'`;
    const of = (column: string) => `'{${held.rows.map((row) => row[column]).join(",")}}'`;
    const settle = await pagesOf(
      session,
      `SELECT * FROM actorfleet.settle('t', '${owner}', ${of("id")}, ${of("fence")}, ${list("complete")}, ${list("1")}, ${list("NULL")}, ${list("NULL")},
        ${list("NULL")}, ${list("false")}, ${list("false")}, ${list("NULL")})`,
    );
    counted = { claim, settle };
  }
  return counted;
}

async function pagesNow(): Promise<Record<"old session" | "new session", { claim: number; settle: number }>> {
  const fresh = await connect();
  const counted = { "old session": await pages(veteran), "new session": await pages(fresh) };
  await fresh.end();
  return counted;
}

it("a claim and a settlement touch as many pages whatever the statistics say and however many records have finished", async () => {
  await fillQueued("planned");
  await pages(veteran);
  const base = (await pagesNow())["new session"];
  await fill(finished, "done", '"phase", "status", "completedAt"', "'final', 'completed', n");
  const found: Record<string, Awaited<ReturnType<typeof pagesNow>>> = { "never analysed": await pagesNow() };
  const removeNothing = "SELECT actorfleet.remove('t', actorfleet.now_ms(), 1000)";
  await pagesOf(veteran, removeNothing);
  expect(await pagesOf(veteran, removeNothing)).toBeLessThan(20);
  await client.query("ANALYZE actorfleet.executions");
  found.fresh = await pagesNow();
  await client.query(`DELETE FROM actorfleet.executions WHERE "phase" = 'ready'`);
  await client.query("VACUUM (ANALYZE, INDEX_CLEANUP ON) actorfleet.executions");
  await fillQueued("late");
  // The statistics know of no queued record, and the old session's plans are made anew from them.
  found.stale = await pagesNow();
  for (const [statistics, sessions] of Object.entries(found)) {
    for (const [session, { claim, settle }] of Object.entries(sessions)) {
      expect(claim / base.claim, `claim, ${statistics} statistics, ${session}`).toBeLessThanOrEqual(1.2);
      // It also changes the trees of all ids and all sequences, which are a page higher.
      expect(settle / base.settle, `settlement, ${statistics} statistics, ${session}`).toBeLessThanOrEqual(1.35);
    }
  }
}, 300_000);

it("a claim that goes on where the last one has ended does not walk over what was claimed before", async () => {
  const claim = (name: string, limit: number, from: string) =>
    `SELECT * FROM actorfleet.claim('u', 'w', '${name}', ${limit}, 60000, 'machine' || chr(1), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, ${from})`;
  const nowhere = "NULL, NULL, NULL, NULL, NULL";
  await store.insert({ name: "u", executions: Array.from({ length: 20_000 }, (_, index) => newExecution(`u${index}`)), atomic: true });
  await pagesOf(client, claim("first", batch, nowhere));
  const first = await pagesOf(client, claim("second", batch, nowhere));
  const { rows } = await client.query(claim("drain", 19_000, nowhere));
  const { lane, rank, group, position } = rows.at(-1);
  const walking = await pagesOf(client, claim("walks", batch, nowhere));
  const there = `${lane}, ${rank}, 'machine' || chr(1), '${group}', ${position}`;
  await pagesOf(client, claim("plans", batch, there));
  const goingOn = await pagesOf(client, claim("goes on", batch, there));
  expect(walking / first).toBeGreaterThan(1.5);
  expect(goingOn / first).toBeLessThanOrEqual(1.2);
}, 120_000);
