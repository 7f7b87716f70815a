import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";

let server: PostgresServer;
let store: ExecutionStore;
let listener: pg.Client;
let heard: string[] = [];
let marks = 0;

beforeAll(async () => {
  server = await startPostgres();
  store = createPostgresStore({ connectionString: server.connectionString });
  await store.counts({ name: "n" });
  listener = new pg.Client({ connectionString: server.connectionString });
  await listener.connect();
  listener.on("notification", ({ channel }) => heard.push(channel));
  await listener.query('LISTEN "actorfleet.work"; LISTEN "actorfleet.control"; LISTEN "actorfleet.final"; LISTEN mark');
}, 120_000);
afterAll(async () => {
  await listener.end();
  await store.close();
  await server.remove();
});

/** What was notified until now; notifications come in the order of commits. */
async function notifications(): Promise<string[]> {
  marks += 1;
  await listener.query(`NOTIFY mark, '${marks}'`);
  await expect.poll(() => heard.filter((channel) => channel === "mark").length).toBe(marks);
  const found = heard.filter((channel) => channel !== "mark");
  heard = heard.filter((channel) => channel === "mark");
  return found;
}

const many = (prefix: string) => Array.from({ length: 300 }, (_, index) => newExecution(`${prefix}${index}`));
const claiming = (claimId: string) =>
  ({ name: "n", owner: "w", claimId, limit: 300, leaseMs: 60_000, machineId: "machine", versions: "any" }) as const;
const claim = (claimId: string) => store.claim(claiming(claimId));

it("one notification per batch of starts, of retries and of ends, and none for a claim", async () => {
  await store.insert({ name: "n", executions: many("a"), atomic: true });
  expect(await notifications()).toEqual(["actorfleet.work"]);
  const { executions } = await claim("first");
  expect(executions).toHaveLength(300);
  expect(await notifications()).toEqual([]);
  const retry = { type: "retry", error: "{}", delayMs: 0, checkpoint: "keep" } as const;
  await store.settle({ name: "n", owner: "w", settlements: executions.map(({ id, fence }) => ({ id, fence, outcome: retry })) });
  expect(await notifications()).toEqual(["actorfleet.work"]);

  const watch = await store.watch({ name: "n" }, () => {});
  await watch.follow(["a1"]);
  const again = await claim("second");
  const complete = { type: "complete" } as const;
  await store.settle({ name: "n", owner: "w", settlements: again.executions.map(({ id, fence }) => ({ id, fence, outcome: complete })) });
  expect(await notifications()).toEqual(["actorfleet.final"]);
  await watch.close();
});

it("starts that come one by one while others are written share a write and its notification", async () => {
  const reports = await Promise.all(many("b").map((execution) => store.insert({ name: "n", executions: [execution] })));
  expect(reports.every(([report]) => report?.inserted)).toBe(true);
  expect(await notifications()).toEqual(["actorfleet.work", "actorfleet.work"]);
});

it("whoever begins to follow while an end is being written waits for it, and finds it", async () => {
  await store.insert({ name: "f", executions: [newExecution("followed")], atomic: true });
  const { executions } = await store.claim({ ...claiming("one"), name: "f" });
  const settling = new pg.Client({ connectionString: server.connectionString });
  await settling.connect();
  await settling.query("BEGIN");
  await settling.query(
    `SELECT * FROM actorfleet.settle('f', 'w', '{followed}', '{${executions[0]?.fence}}', '{complete}', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  );
  const watch = await store.watch({ name: "f" }, () => {});
  const following = Promise.all([watch.follow(["another"]), watch.follow(["followed"])]);
  let follows = false;
  void watch.follow(["followed"]).then(() => {
    follows = true;
  });
  await expect
    .poll(async () => (await listener.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")).rowCount)
    .toBe(1);
  expect(follows).toBe(false);
  await settling.query("COMMIT");
  await following;
  expect(await store.get("f", ["followed"])).toMatchObject([{ status: "completed" }]);
  await watch.close();
  await settling.end();
});
