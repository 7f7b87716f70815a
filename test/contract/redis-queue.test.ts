import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createRedisBackend, createRedisQueue, type RedisQueueOptions } from "../../src/adapters/redis/index.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue, QueueMessage } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { brokerWorld, passing } from "../support/contract-worlds.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { Opened } from "../support/opened.ts";
import { type ReceivedOptions, received } from "../support/received.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

const limitMs = 60_000;
const name = "n";
const message = (executionId: string, fields: Partial<QueueMessage> = {}): QueueMessage => ({ name, executionId, ...fields });
const consume = (queue: ExecutionQueue, options: Partial<ReceivedOptions> = {}) =>
  received(queue, { name, visibilityTimeoutMs: 5_000, ...options });
const eventually = { timeout: 20_000, interval: 20 };

describeWithRedis("Redis queue", () => {
  timersInBackground("ioredis", "bullmq");
  let server: RedisServer;
  let prefixes = 0;
  const opened = new Opened();
  beforeAll(async () => {
    server = await startRedis();
  }, limitMs);
  afterEach(async () => {
    await opened.close();
    server.thaw();
    await server.start();
  }, limitMs);
  afterAll(() => server?.remove());

  const keyPrefix = () => `test${prefixes}`;
  const openQueue = (options: Partial<RedisQueueOptions> = {}): ExecutionQueue =>
    opened.add(createRedisQueue({ url: server.url, keyPrefix: keyPrefix(), ...options }));
  const newPrefix = () => {
    prefixes += 1;
  };

  const connections = async (client: Redis) =>
    String(await client.client("LIST"))
      .trim()
      .split("\n").length;

  describe("keeps the contract", () => {
    const contract = executionQueueContract(async () => {
      newPrefix();
      const own = { url: server.url, keyPrefix: keyPrefix() };
      return brokerWorld(
        () => createRedisQueue(own),
        2_000,
        (to, raw) => asAnother(server, `${own.keyPrefix}:queue`, to, (queue) => queue.add("any", raw, { priority: 1 })),
      );
    });
    contractAtOnce(contract);
  });

  test(
    "what it took survives a kill -9 while it is published to and consumed from",
    async () => {
      newPrefix();
      const queue = openQueue({ operationTimeoutMs: 2_000 });
      const got = await consume(queue, { acks: "attempted" });
      const taken: string[] = [];
      for (let round = 1; round <= 3; round++) {
        let isDown = false;
        let count = 0;
        const through = (async () => {
          while (!isDown) {
            const ids = Array.from({ length: 20 }, () => `${round}:${++count}`);
            const reports = await queue.publish(ids.map((id) => message(id)));
            taken.push(...ids.filter((_, index) => reports[index]?.published));
            isDown = reports.some(({ published }) => !published);
          }
        })();
        await expect.poll(() => count, eventually).toBeGreaterThan(100);
        await server.crash();
        await through;
        expect(await queue.publish([message("down")])).toMatchObject([{ published: false, reason: "unavailable" }]);
        await expect(queue.consume({ name: "other", maxInFlight: 1, visibilityTimeoutMs: 1_000 }, () => {})).rejects.toThrow(
          StoreUnavailableError,
        );
        await server.start();
        await expect.poll(async () => (await queue.publish([message(`after ${round}`)]))[0]?.published, eventually).toBe(true);
        await expect.poll(() => got.ids.has(`after ${round}`), eventually).toBe(true);
        await expect.poll(() => taken.filter((id) => !got.ids.has(id)), eventually).toEqual([]);
      }
    },
    limitMs,
  );

  test(
    "connections cut again and again while it publishes, consumes and settles: what was taken arrives",
    async () => {
      newPrefix();
      const proxy = opened.add(await TcpProxy.listen(server.port));
      const queue = openQueue({ url: `redis://127.0.0.1:${proxy.port}`, operationTimeoutMs: 2_000 });
      const got = await consume(queue, { acks: "attempted", maxInFlight: 5, visibilityTimeoutMs: 1_000 });
      const taken: string[] = [];
      let isOver = false;
      let count = 0;
      const publishing = (async () => {
        while (!isOver) {
          const ids = Array.from({ length: 10 }, () => `e${++count}`);
          const reports = await queue.publish(ids.map((id) => message(id)));
          taken.push(...ids.filter((_, index) => reports[index]?.published));
          // Not so far ahead that a slow machine would be busy with the rest for long.
          do await passing(5);
          while (!isOver && taken.length > got.ids.size + 100);
        }
      })();
      for (let cuts = 0; cuts < 10; cuts++) {
        const before = got.ids.size;
        await expect.poll(() => got.ids.size, eventually).toBeGreaterThan(before + 20);
        proxy.cut();
      }
      isOver = true;
      await publishing;
      await expect.poll(() => taken.filter((id) => !got.ids.has(id)), eventually).toEqual([]);
    },
    limitMs,
  );

  test(
    "a server that says nothing: publishing gives up in time, and so does a close",
    async () => {
      newPrefix();
      const queue = openQueue({ operationTimeoutMs: 500 });
      await consume(queue);
      await queue.publish([message("a")]);
      server.freeze();
      expect(await queue.publish([message("b")])).toMatchObject([{ published: false, reason: "unavailable" }]);
      const startedAt = performance.now();
      await queue.close();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    },
    limitMs,
  );

  test(
    "the same id is queued as often as it is published, also after it was consumed",
    async () => {
      newPrefix();
      const queue = openQueue();
      const got = await consume(queue);
      for (let count = 1; count <= 3; count++) {
        await queue.publish([message("same")]);
        await expect.poll(() => got.deliveries.length, eventually).toBe(count);
        await got.deliveries[count - 1]?.ack();
      }
      await queue.publish([message("same"), message("same")]);
      await expect.poll(() => got.deliveries.length, eventually).toBe(5);
    },
    limitMs,
  );

  test(
    "any priority is kept, also below 0 and beyond all bounds",
    async () => {
      newPrefix();
      const queue = openQueue();
      const priorities = [0, -1, 1, 2 ** 40, -(2 ** 40), -5, 7];
      await queue.publish(priorities.map((priority) => message(`${priority}`, { priority })));
      const got = await consume(queue, { acks: "attempted", maxInFlight: 1 });
      await expect.poll(() => got.ids.size, eventually).toBe(7);
      expect([...got.ids.keys()].map(Number)).toEqual([...priorities].sort((a, b) => b - a));
    },
    limitMs,
  );

  test(
    "nothing is left of what was acknowledged",
    async () => {
      newPrefix();
      const queue = openQueue();
      const got = await consume(queue, { acks: "attempted" });
      await queue.publish(Array.from({ length: 50 }, (_, index) => message(`e${index}`)));
      await expect.poll(() => got.ids.size, eventually).toBe(50);
      await asAnother(server, `${keyPrefix()}:queue`, name, async (other) => {
        await expect.poll(async () => Object.values(await other.getJobCounts()).reduce((sum, count) => sum + count, 0), eventually).toBe(0);
      });
    },
    limitMs,
  );

  test(
    "a client of the caller's is used, and left open",
    async () => {
      newPrefix();
      const client = new Redis(server.url, { maxRetriesPerRequest: null });
      const queue = openQueue({ url: undefined as never, client });
      const got = await consume(queue, { acks: "attempted" });
      await queue.publish([message("a")]);
      await expect.poll(() => got.ids.has("a"), eventually).toBe(true);
      expect(queue.capabilities.durable).toBe(true);
      await queue.close();
      // What waited on duplicates of it is gone, it itself is not.
      await expect.poll(() => connections(client), eventually).toBe(1);
      await client.quit();
    },
    limitMs,
  );

  test(
    "a closed consumer, or one that is opened while its queue is closed, leaves no connection and hands out nothing",
    async () => {
      newPrefix();
      const client = new Redis(server.url, { maxRetriesPerRequest: null });
      const queue = openQueue({ url: undefined as never, client });
      for (let round = 0; round < 2; round++) {
        const { consumer, deliveries } = await consume(queue);
        await queue.publish([message(`a${round}`)]);
        await expect.poll(() => deliveries.length, eventually).toBe(1);
        await consumer.close();
        await deliveries[0]?.ack();
      }
      await expect.poll(() => connections(client), eventually).toBe(1);

      let isClosed = false;
      const opening = queue.consume({ name, maxInFlight: 1, visibilityTimeoutMs: 5_000 }, () => expect(isClosed).toBe(false));
      await queue.close();
      isClosed = true;
      await expect(opening).rejects.toThrow(CoordinatorClosedError);
      await expect.poll(() => connections(client), eventually).toBe(1);
      await client.quit();
    },
    limitMs,
  );

  test("settling what the server has given to others, or has forgotten, does nothing", async () => {
    newPrefix();
    const client = new Redis(server.url);
    const queue = openQueue();
    const { deliveries } = await consume(queue);
    await queue.publish(["a", "b", "c"].map((id) => message(id)));
    await expect.poll(() => deliveries.length, eventually).toBe(3);
    for (const lock of await client.keys("*:lock")) await client.del(lock);
    const [a, b, c] = deliveries;
    await Promise.all([a?.ack(), b?.nack({ delayMs: 1 }), c?.putAside("nobody knows it")]);
    await client.quit();
  });

  test("a client is left as it was, however many queues have used it", async () => {
    newPrefix();
    const client = new Redis(server.url, { maxRetriesPerRequest: null });
    await client.ping();
    const listeners = () => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    const before = listeners();
    for (let round = 0; round < 3; round++) {
      const queue = openQueue({ url: undefined as never, client });
      await queue.publish([message("a")]);
      await queue.close();
    }
    expect(listeners()).toEqual(before);
    await client.quit();
  });

  test("a client that BullMQ cannot use is refused", () => {
    const client = new Redis(server.url, { lazyConnect: true });
    expect(() => createRedisQueue({ client })).toThrow("client: expected a client with maxRetriesPerRequest: null, got 20");
    const prefixed = new Redis(server.url, { lazyConnect: true, maxRetriesPerRequest: null, keyPrefix: "a" });
    expect(() => createRedisQueue({ client: prefixed })).toThrow("client: expected a client without keyPrefix");
  });

  test.each([
    ["url", {}],
    ["url", { url: "" }],
    ["url", { url: "localhost:6379" }],
    ["keyPrefix", { url: "redis://localhost", keyPrefix: "{a}" }],
    ["operationTimeoutMs", { url: "redis://localhost", operationTimeoutMs: -1 }],
    ["prefix", { url: "redis://localhost", prefix: "a" }],
  ])("options: %s is refused where it is wrong", (field, wrong) => {
    expect(() => createRedisQueue(wrong)).toThrow(expect.objectContaining({ field }));
    expect(() => createRedisBackend(wrong)).toThrow(InvalidOptionsError);
  });
});

/** As somebody else's program would. */
async function asAnother({ url }: RedisServer, prefix: string, to: string, does: (queue: Queue) => Promise<unknown>): Promise<void> {
  const connection = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(`{${to}}`, { connection, prefix });
  await does(queue);
  await queue.close();
  await connection.quit();
}
