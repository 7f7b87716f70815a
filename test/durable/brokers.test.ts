import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { createRabbitmqQueue } from "../../src/adapters/rabbitmq/index.ts";
import { createRedisBackend, createRedisQueue } from "../../src/adapters/redis/index.ts";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { ExecutionCancelledError } from "../../src/model/errors.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRabbitmq } from "../support/describe-with-rabbitmq.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { startRabbitmq } from "../support/rabbitmq-server.ts";
import { startRedis } from "../support/redis-server.ts";

interface Broker {
  readonly url: string;
  start(): Promise<void>;
  crash(): Promise<void>;
  remove(): Promise<void>;
}

interface BrokerKind {
  readonly start: () => Promise<Broker>;
  readonly queue: (url: string) => ExecutionQueue;
}

const limitMs = 120_000;
const eventually = { timeout: 60_000, interval: 20 };
/** A quorum queue of RabbitMQ 3.10.8 that was declared less than a second before a kill -9 never finds a leader again. */
const settledMs = 2_000;

describeWithRabbitmq("a durable coordinator with RabbitMQ", () =>
  suite({ start: startRabbitmq, queue: (url) => createRabbitmqQueue({ url, operationTimeoutMs: 3_000 }) }),
);
describeWithRedis("a durable coordinator with a Redis queue", () =>
  suite({ start: () => startRedis(), queue: (url) => createRedisQueue({ url, operationTimeoutMs: 3_000 }) }),
);

function suite(kind: BrokerKind): void {
  timersInBackground("ioredis");
  let broker: Broker;
  let folder: string;
  let names = 0;
  let open: { close(): Promise<unknown> }[] = [];
  let errors: unknown[] = [];
  beforeAll(async () => {
    broker = await kind.start();
  }, limitMs);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "actorfleet-brokers-"));
    names += 1;
  });
  afterEach(async () => {
    for (const one of open) await one.close();
    open = [];
    rmSync(folder, { recursive: true, force: true });
    await broker.start();
    const unexpected = errors.filter((error) => !(error instanceof StoreUnavailableError));
    errors = [];
    expect(unexpected).toEqual([]);
  }, limitMs);
  afterAll(() => broker?.remove(), 30_000);

  type Run<Input, Output> = (input: Input, scope: ExecutionScope) => Promise<Output>;
  /** As another process would have it: with a store and a queue of its own. */
  function coordinator<Input, Output>(role: "client" | "worker", orchestrator: Run<Input, Output>): DurableCoordinator<Input, Output> {
    const store: ExecutionStore = createSqliteStore({ filename: join(folder, "executions.sqlite") });
    const queue = kind.queue(broker.url);
    const made = createDurableCoordinator({
      ...{ name: `n${names}`, store, queue, role, orchestrator, maxConcurrent: 5, leaseMs: 3_000 },
      onError: (error: unknown) => errors.push(error),
    });
    open.push({ close: () => made.close({ deadlineMs: 0 }) }, queue, store);
    return made as DurableCoordinator<Input, Output>;
  }

  test(
    "200 executions over two workers, the broker killed -9 and started again in the middle: all end, none runs twice at once",
    async () => {
      const running = new Set<number>();
      const runs = new Map<number, number>();
      const twice: number[] = [];
      const work = async (n: number) => {
        if (running.has(n)) twice.push(n);
        running.add(n);
        runs.set(n, (runs.get(n) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, 50));
        running.delete(n);
        return n;
      };
      const client = coordinator("client", work);
      for (let count = 0; count < 2; count++) coordinator("worker", work);
      const startedAt = performance.now();
      const ids = await client.startMany(Array.from({ length: 100 }, (_, n) => ({ input: n })));
      await expect.poll(() => runs.size > 10 && performance.now() - startedAt > settledMs, eventually).toBe(true);
      await broker.crash();
      // The store accepts them all the same.
      ids.push(...(await client.startMany(Array.from({ length: 50 }, (_, n) => ({ input: 100 + n })))));
      await broker.start();
      ids.push(...(await client.startMany(Array.from({ length: 50 }, (_, n) => ({ input: 150 + n })))));
      expect(await Promise.all(ids.map((id) => client.waitFor(id)))).toEqual(Array.from({ length: 200 }, (_, n) => n));
      expect(twice).toEqual([]);
      expect([...runs.values()]).toEqual(Array.from({ length: 200 }, () => 1));
    },
    limitMs,
  );

  test(
    "a message is what starts an execution, long before a look into the store would",
    async () => {
      const work = async (n: number) => n;
      const client = coordinator("client", work);
      coordinator("worker", work);
      expect(await client.waitFor(await client.start(0))).toBe(0);
      const tookMs: number[] = [];
      for (let n = 1; n <= 20; n++) {
        const startedAt = performance.now();
        expect(await client.waitFor(await client.start(n))).toBe(n);
        tookMs.push(performance.now() - startedAt);
      }
      expect(tookMs.sort((a, b) => a - b)[10]).toBeLessThan(1_000);
    },
    limitMs,
  );

  test(
    "a cancel reaches what runs in another process: its signal is aborted",
    async () => {
      let aborted = 0;
      const work = (_: null, { signal }: ExecutionScope) =>
        new Promise<never>((_resolve, reject) => {
          const abort = () => {
            aborted = performance.now();
            reject(signal.reason);
          };
          signal.addEventListener("abort", abort, { once: true });
        });
      const client = coordinator("client", work);
      coordinator("worker", work);
      const id = await client.start(null);
      await expect.poll(async () => (await client.getStatus(id))?.status, eventually).toBe("running");
      const cancelledAt = performance.now();
      expect(await client.cancel(id, "changed my mind")).toBe(true);
      await expect(client.waitFor(id)).rejects.toThrow(ExecutionCancelledError);
      expect(aborted - cancelledAt).toBeLessThan(5_000);
    },
    limitMs,
  );
}

describeWithRedis("a Redis backend", () => {
  timersInBackground("ioredis");
  test(
    "one option starts store and queue",
    async () => {
      const server = await startRedis();
      const backend = createRedisBackend({ url: server.url });
      const coordinator = createDurableCoordinator({ ...backend, name: "sums", orchestrator: async (n: number) => n + 1 });
      const ids = await coordinator.startMany([1, 2, 3].map((input) => ({ input })));
      expect(await Promise.all(ids.map((id) => coordinator.waitFor(id)))).toEqual([2, 3, 4]);
      await coordinator.close();
      await Promise.all([backend.queue.close(), backend.store.close()]);
      await server.remove();
    },
    limitMs,
  );
});
