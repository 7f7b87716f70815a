import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ExecutionLostError } from "../../src/model/store-errors.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWith } from "../support/describe-with.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type DynaliteServer, missingDynalite, startDynalite } from "../support/dynalite-server.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import type { StoreAddress } from "../support/store-address.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { FaultWorld, temporaryFile, within } from "./fault-world.ts";

const allKills = Number(process.env.FAULT_KILLS ?? 200);
/** Where the client differs, not the way of storing: what that risks shows sooner. */
const someKills = Math.ceil(allKills / 3);
/** Where the service is a slow stand-in for the real one. */
const fewKills = Math.ceil(allKills / 10);
/** Few kills in a row would only hit workers that have not begun yet, so that some work is done between two. */
const slow = { leaseMs: 6_000, functions: 6, machines: 2, endMs: 120_000, effectsBetween: 2 };
let world: FaultWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function killAtRandom(
  store: StoreAddress,
  kills: number,
  { leaseMs = 1_000, functions = 16, machines = 6, endMs = 30_000, effectsBetween = 0 } = {},
): Promise<void> {
  const draw = drawer();
  world = await FaultWorld.create({ store, leaseMs, maxConcurrent: 6 });
  const { workers, load, sink } = world;
  for (let count = 0; count < 4; count++) workers.start();
  load.keep(functions, machines);
  for (let killed = 0; killed < kills; killed++) {
    const before = sink.count;
    await sink.until(() => sink.count >= before + effectsBetween);
    await new Promise((resolve) => setTimeout(resolve, draw(20, 150)));
    const { alive } = workers;
    await alive[Math.floor(draw(0, alive.length))]?.kill();
    workers.start();
  }
  await within(endMs, "the end of what had been started", load.finish());
  const { executions, takeovers } = await world.audit();
  expect(executions).toBeGreaterThan(kills / 4);
  expect(takeovers).toBeGreaterThan(kills / 10);
  // Only a worker that the machine did not let run for most of a lease.
  expect(sink.overtaken).toBeLessThan(takeovers / 20);
}

/** One whose process always dies is not tried for ever. With a lease that no process outsleeps: each of them has it once. */
async function killsItsWorkers(store: StoreAddress, leaseMs = 1_500): Promise<void> {
  world = await FaultWorld.create({ store, leaseMs, maxTakeovers: 2 });
  const { workers, load, sink } = world;
  await load.startFunction("deadly", { steps: 1, workMs: 1, deadly: true });
  const end = load.endOf("deadly").catch((error: unknown) => error);
  let died = 0;
  const ended = end.then(() => "ended" as const);
  while ((await Promise.race([workers.start({ mayDie: true }).gone, ended])) !== "ended") died += 1;
  expect(await end).toBeInstanceOf(ExecutionLostError);
  expect(died).toBe(3);
  expect(await world.store.get("function", ["deadly"])).toMatchObject([{ status: "failed", takeovers: 3, attempt: 3 }]);
  expect(sink.effects("deadly").map(({ step }) => step)).toEqual([1, 1, 1]);
}

const killed = (kills: number) =>
  `${kills} workers killed at random moments lose nothing and do nothing twice at the same time (seed ${faultSeed})`;
const deadly = "an execution that kills its workers is given up after its last takeover";

test(`${killed(allKills)}, on SQLite`, async () => {
  const { address, remove } = temporaryFile();
  await killAtRandom(address, allKills);
  remove();
}, 120_000);

test(`${deadly}, on SQLite`, async () => {
  const { address, remove } = temporaryFile();
  await killsItsWorkers(address);
  remove();
});

describeWithPostgres("killed workers on Postgres", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.remove());
  const address = (schema: string): StoreAddress => ({ kind: "postgres", connectionString: server.connectionString, schema });

  test(killed(allKills), () => killAtRandom(address("killed"), allKills), 90_000);
  test(deadly, () => killsItsWorkers(address("deadly")));
});

describeWithRedis("killed workers on Redis", () => {
  timersInBackground("ioredis");
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  }, 60_000);
  afterAll(() => server?.remove());
  const address = (keyPrefix: string): StoreAddress => ({ kind: "redis", url: server.url, keyPrefix });

  test(killed(someKills), () => killAtRandom(address("killed"), someKills), 120_000);
  test(deadly, () => killsItsWorkers(address("deadly")));
});

describeWith(missingDynalite, "killed workers on DynamoDB", () => {
  let server: DynaliteServer;
  beforeAll(async () => {
    server = await startDynalite();
  }, 60_000);
  afterAll(() => server?.remove());
  const address = (table: string): StoreAddress => ({ kind: "dynamodb", endpoint: server.endpoint, table });

  test(killed(fewKills), () => killAtRandom(address("killed"), fewKills, slow), 240_000);
  test(deadly, () => killsItsWorkers(address("deadly"), 4_000));
});
