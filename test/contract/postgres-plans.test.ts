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

/** How many times as many pages as at first a call may touch. Who writes records also changes the tree of all ids, which grows by a page. */
const atMost = { claim: 1.2, renew: 1.35, save: 1.35, settle: 1.35 };

type Pages = Record<keyof typeof atMost, number>;

/** Pages of a claim of ten, and of what follows it, by a session. The first in a session also reads the catalogue, so the third counts. */
async function pages(session: pg.Client): Promise<Pages> {
  let counted: Pages | undefined;
  for (let round = 0; round < 3; round++) {
    claims += 1;
    const owner = `plan ${claims}`;
    const call = (name: string, values: string) => pagesOf(session, `SELECT * FROM actorfleet.${name}(${values})`);
    const nulls = (count: number) => Array.from({ length: count }, () => "NULL").join(", ");
    const claim = await call("claim", `'t', '${owner}', '${owner}', ${batch}, 60000, 'machine' || chr(1), ${nulls(14)}`);
    const held = await client.query(`SELECT "id", "fence" FROM actorfleet.executions WHERE "owner" = $1`, [owner]);
    expect(held.rows).toHaveLength(batch);
    const list = (value: string) => `'{${Array.from({ length: batch }, () => value).join(",")}}'`;
    const of = (column: string) => `'{${held.rows.map((row) => row[column]).join(",")}}'`;
    const leases = `${of("id")}, ${of("fence")}`;
    counted = {
      claim,
      renew: await call("renew", `'t', '${owner}', 60000, ${leases}`),
      save: await call("save", `'t', '${owner}', false, ${leases}, ${list("1")}, ${list("1")}, ${nulls(4)}`),
      settle: await call("settle", `'t', '${owner}', ${leases}, ${list("complete")}, ${list("1")}, ${nulls(6)}`),
    };
  }
  return counted as Pages;
}

async function pagesNow(): Promise<Record<"old session" | "new session", Pages>> {
  const fresh = await connect();
  const counted = { "old session": await pages(veteran), "new session": await pages(fresh) };
  await fresh.end();
  return counted;
}

it("a claim and what follows it touch as many pages whatever the statistics say and however many records have finished", async () => {
  await fill(3 * batch, "planned", '"phase"', "'ready'");
  await pages(veteran);
  await fillQueued("early");
  const base = (await pagesNow())["new session"];
  await fill(finished, "done", '"phase", "status", "completedAt"', "'final', 'completed', n");
  const found: Record<string, Awaited<ReturnType<typeof pagesNow>>> = { "never analysed": await pagesNow() };
  for (const nothing of ["SELECT actorfleet.remove('t', actorfleet.now_ms(), 1000)", "SELECT * FROM actorfleet.sweep('t', 100, 'lost')"]) {
    await pagesOf(veteran, nothing);
    expect(await pagesOf(veteran, nothing), nothing).toBeLessThan(20);
  }
  await client.query("ANALYZE actorfleet.executions");
  found.fresh = await pagesNow();
  await client.query(`DELETE FROM actorfleet.executions WHERE "phase" = 'ready'`);
  await client.query("VACUUM (ANALYZE, INDEX_CLEANUP ON) actorfleet.executions");
  await fillQueued("late");
  // The statistics know of no queued record, and the old session's plans are made anew from them.
  found.stale = await pagesNow();
  for (const [statistics, sessions] of Object.entries(found)) {
    for (const [session, counted] of Object.entries(sessions)) {
      for (const call of Object.keys(atMost) as (keyof Pages)[]) {
        expect(counted[call] / base[call], `${call}, ${statistics} statistics, ${session}`).toBeLessThanOrEqual(atMost[call]);
      }
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
  const claimed = rows.map(({ o_body }) => JSON.parse(`[${o_body}]`)).sort(([, , one], [, , other]) => one - other);
  const [lane, rank, position, , , , , , , , , [, group]] = claimed.at(-1);
  const walking = await pagesOf(client, claim("walks", batch, nowhere));
  const there = `${lane}, ${rank}, 'machine' || chr(1), '${group}', ${position}`;
  await pagesOf(client, claim("plans", batch, there));
  const goingOn = await pagesOf(client, claim("goes on", batch, there));
  expect(walking / first).toBeGreaterThan(1.5);
  expect(goingOn / first).toBeLessThanOrEqual(1.2);
}, 120_000);
