import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { FaultWorld, within } from "./fault-world.ts";

describeWithRedis(`a Redis that goes away (seed ${faultSeed})`, () => {
  timersInBackground("ioredis");
  let server: RedisServer;
  let world: FaultWorld | undefined;
  const draw = drawer();
  const pause = (from: number, to: number) => new Promise((resolve) => setTimeout(resolve, draw(from, to)));
  beforeAll(async () => {
    server = await startRedis({ appendfsync: "always" });
  }, 60_000);
  afterAll(() => server?.remove());
  afterEach(async () => {
    await server.start();
    await world?.close();
    world = undefined;
  });

  /** Three workers and a client under load. */
  async function underLoad(keyPrefix: string): Promise<FaultWorld> {
    world = await FaultWorld.create({ store: { kind: "redis", url: server.url, keyPrefix, operationTimeoutMs: 2_000 } });
    await Promise.all([1, 2, 3].map(() => world?.workers.start().ready));
    world.load.keep(16, 6);
    return world;
  }

  /** Some more has begun and ended since, so it works again. */
  async function goesOn({ load }: FaultWorld): Promise<void> {
    const before = load.ended;
    await within(20_000, "executions after an outage", load.untilEnded(before + 20));
  }

  test("killed and started again every few seconds, stopped, and frozen, under load: what was accepted comes to its end", async () => {
    const at = await underLoad("outages");
    for (const outage of ["crash", "stop", "crash", "freeze", "crash", "crash"] as const) {
      await goesOn(at);
      await pause(0, 300);
      if (outage === "freeze") {
        server.freeze();
        await pause(2_000, 2_500);
        server.thaw();
        continue;
      }
      if (outage === "stop") await server.stop();
      else await server.crash();
      await pause(0, 800);
      await server.start();
    }
    await goesOn(at);
    await within(30_000, "the end of what had been started", at.load.finish());
    expect((await at.audit()).executions).toBeGreaterThan(100);
  }, 120_000);

  test("all its connections ended again and again", async () => {
    const at = await underLoad("terminated");
    const admin = new Redis(server.url);
    await goesOn(at);
    let ended = 0;
    for (let round = 0; round < 40; round++) {
      await pause(10, 150);
      for (const type of ["normal", "pubsub"]) ended += Number(await admin.call("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes"));
    }
    admin.disconnect();
    expect(ended).toBeGreaterThan(40);
    await goesOn(at);
    await within(30_000, "the end of what had been started", at.load.finish());
    await at.audit();
  }, 90_000);
});
