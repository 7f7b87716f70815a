import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRabbitmq } from "../support/describe-with-rabbitmq.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import type { QueueAddress } from "../support/queue-address.ts";
import { type RabbitmqServer, startRabbitmq } from "../support/rabbitmq-server.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { FaultWorld, temporaryFile, within } from "./fault-world.ts";

const limitMs = 240_000;
const draw = drawer();
const pause = (from: number, to: number) => new Promise((resolve) => setTimeout(resolve, draw(from, to)));

let world: FaultWorld | undefined;
let file: ReturnType<typeof temporaryFile> | undefined;
let redis: RedisServer | undefined;
let proxy: TcpProxy | undefined;

afterEach(async () => {
  await world?.close();
  await proxy?.close();
  await redis?.remove();
  file?.remove();
  world = undefined;
  proxy = undefined;
  redis = undefined;
}, 60_000);

/** Three workers and a client under load, on a SQLite store and this queue. */
async function underLoad(queue: QueueAddress): Promise<FaultWorld> {
  file = temporaryFile();
  const at = await FaultWorld.create({ store: file.address, queue });
  world = at;
  await Promise.all([1, 2, 3].map(() => at.workers.start().ready));
  at.load.keep(16, 6);
  await goesOn(at);
  return at;
}

/** Some more has begun and ended since. */
async function goesOn({ load }: FaultWorld): Promise<void> {
  const before = load.ended;
  await within(30_000, "executions after an outage", load.untilEnded(before + 20));
}

async function replaceWorker({ workers }: FaultWorld): Promise<void> {
  const alive = workers.alive;
  await alive[draw(0, alive.length - 1)]?.kill();
  await workers.start().ready;
}

/** All that was started ends, and had its effects once and in order. */
async function audited(at: FaultWorld): Promise<void> {
  await within(60_000, "the end of what had been started", at.load.finish());
  expect((await at.audit()).executions).toBeGreaterThan(100);
}

describeWithRabbitmq(`a RabbitMQ that goes away (seed ${faultSeed})`, () => {
  let server: RabbitmqServer;
  beforeAll(async () => {
    server = await startRabbitmq();
  }, 60_000);
  afterAll(() => server?.remove(), 60_000);

  test(
    "killed and started again, and workers killed meanwhile: what was accepted comes to its end",
    async () => {
      const at = await underLoad({ kind: "rabbitmq", url: server.url, namePrefix: "outages", operationTimeoutMs: 2_000 });
      // A quorum queue of 3.10.8 that was declared less than a second before a kill -9 never finds a leader again.
      await pause(2_000, 2_500);
      for (let outage = 1; outage <= 3; outage++) {
        await pause(0, 500);
        await server.crash();
        const restarted = server.start();
        // Without the broker the store says what there is to do.
        await goesOn(at);
        await replaceWorker(at);
        await restarted;
        await goesOn(at);
      }
      await audited(at);
    },
    limitMs,
  );

  test(
    "connections cut again and again, and workers killed",
    async () => {
      await server.start();
      proxy = await TcpProxy.listen(server.port);
      const url = `amqp://guest:guest@127.0.0.1:${proxy.port}`;
      const at = await underLoad({ kind: "rabbitmq", url, namePrefix: "cuts", operationTimeoutMs: 2_000 });
      for (let cuts = 1; cuts <= 30; cuts++) {
        await pause(10, 300);
        proxy.cut();
        if (cuts % 10 === 0) await replaceWorker(at);
      }
      await goesOn(at);
      await audited(at);
    },
    limitMs,
  );
});

describeWithRedis(`a Redis queue that goes away (seed ${faultSeed})`, () => {
  timersInBackground("ioredis");
  test.each([
    ["with an append-only file", "yes"],
    ["that forgets all messages", "no"],
  ])(
    "killed and started again %s, and workers killed meanwhile: what was accepted comes to its end",
    async (_, appendonly) => {
      const server = await startRedis({ appendonly });
      redis = server;
      const at = await underLoad({ kind: "redis", url: server.url, keyPrefix: "outages", operationTimeoutMs: 2_000 });
      for (let outage = 1; outage <= 6; outage++) {
        await pause(0, 500);
        await server.crash();
        if (outage % 2 === 0) await replaceWorker(at);
        await pause(0, 800);
        await server.start();
        await goesOn(at);
      }
      await audited(at);
    },
    limitMs,
  );
});
