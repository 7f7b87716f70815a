import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createMemoryQueue, MemoryQueueData } from "../../../src/adapters/memory/memory-queue.ts";
import { createMemoryStore } from "../../../src/adapters/memory/memory-store.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import { createWorld } from "./durable-world.ts";
import { createQueueWorld } from "./queue-world.ts";

let world: ReturnType<typeof createWorld>;
let messages: ReturnType<typeof createQueueWorld>;

beforeEach(() => {
  world = createWorld();
  messages = createQueueWorld(world.clock);
});
afterEach(async () => {
  await world.closeAll();
  expect(world.errors).toEqual([]);
});

const double = async (n: number) => n * 2;

/** An orchestrator that takes a while, and what it did. */
function recorder(ms = 10) {
  const order: number[] = [];
  const orchestrator = async (n: number) => {
    order.push(n);
    await new Promise<void>((resolve) => world.clock.setTimeout(resolve, ms));
  };
  return { order, orchestrator };
}

describe("messages", () => {
  test("a start publishes its id, and nothing else of it, after the store has it; a worker claims it and acknowledges", async () => {
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
    const id = await client.start(21, { group: "g", priority: 3, tags: ["t"] });
    expect(messages.published).toEqual([{ name: "test", executionId: id, group: "g", priority: 3 }]);
    expect(messages.waiting()).toBe(1);
    world.process({ orchestrator: double, role: "worker", queue: messages.queue });
    await world.clock.settle();
    expect(await client.getStatus(id)).toMatchObject({ status: "completed", result: 42 });
    expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
  });

  test("an idle worker waits for messages: it consumes once and claims only when one comes, or after pollMs", async () => {
    const store = world.store();
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
    world.process({ orchestrator: double, role: "worker", queue: messages.queue, store, pollMs: 10_000 });
    await world.clock.advance(100);
    store.calls.length = 0;
    const id = await client.start(1);
    await world.clock.settle();
    expect(await client.getStatus(id)).toMatchObject({ status: "completed" });
    expect(store.calls.filter((call) => call === "claim")).toHaveLength(1);
    expect(messages.consumes).toBe(1);
  });

  test("no more messages are on loan than there are free slots", async () => {
    const { orchestrator, order } = recorder(1_000);
    const both = world.process({ orchestrator, maxConcurrent: 3, queue: messages.queue });
    await world.clock.settle();
    await both.startMany(Array.from({ length: 10 }, (_, n) => ({ input: n })));
    await world.clock.advance(500);
    expect([order.length, messages.onLoan(), messages.waiting()]).toEqual([3, 0, 7]);
    await world.clock.advance(4_000);
    expect(order).toHaveLength(10);
    expect([messages.onLoan(), messages.waiting()]).toEqual([0, 0]);
  });

  test("paused, a worker takes no message; closed, it gives back those it has", async () => {
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
    const worker = world.process({ orchestrator: double, role: "worker", queue: messages.queue });
    await world.clock.settle();
    worker.pause();
    const id = await client.start(1);
    await world.clock.advance(2_000);
    expect(messages.waiting()).toBe(1);
    await worker.close();
    world.process({ orchestrator: double, role: "worker", queue: messages.queue });
    await world.clock.settle();
    expect(await client.getStatus(id)).toMatchObject({ status: "completed" });
  });

  test("closed while messages come, it gives them back and ends", async () => {
    messages.publishRaw("unreadable");
    await messages.queue.publish([{ name: "test", executionId: "nobody" }]);
    const worker = world.process({ orchestrator: double, role: "worker", queue: messages.queue });
    await worker.close();
    await world.clock.settle();
    expect([messages.waiting(), messages.onLoan()]).toEqual([2, 0]);
  });

  test("nothing is published for a start in a transaction of the caller; a worker finds it when it is committed", async () => {
    const store = createMemoryStore({ clock: world.clock, data: world.data });
    const capable: ExecutionStore = {
      ...store,
      capabilities: { ...store.capabilities, transactions: "handle" },
      insert: ({ transaction: _, ...request }) => store.insert(request),
    };
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue, store: capable });
    const id = await client.start(4, { transaction: {} });
    await client.startMany([{ input: 5 }, { input: 6 }], { transaction: {} });
    expect(messages.published).toEqual([]);
    world.process({ orchestrator: double, role: "worker", queue: messages.queue });
    await world.clock.advance(500);
    expect(await client.getStatus(id)).toMatchObject({ status: "completed", result: 8 });
  });

  test("what a worker gives back or takes over is published again", async () => {
    const hanging = () => new Promise<never>(() => {});
    const first = world.process({ orchestrator: hanging, queue: messages.queue, leaseMs: 3_000 });
    const id = await first.start(undefined as never);
    await world.clock.advance(10);
    const closed = first.close({ deadlineMs: 0 });
    await world.clock.advance(10);
    await closed;
    expect(messages.published.slice(1)).toEqual([{ name: "test", executionId: id }]);

    const store = world.store();
    world.process({ orchestrator: hanging, queue: messages.queue, leaseMs: 3_000, store });
    await world.clock.advance(10);
    store.faults.set("*", "before");
    world.process({ orchestrator: async () => {}, role: "worker", queue: messages.queue, leaseMs: 3_000 });
    await world.clock.advance(5_000);
    expect(messages.published.slice(2)).toEqual([{ name: "test", executionId: id }]);
    expect(await world.process({ orchestrator: hanging, role: "client" }).getStatus(id)).toMatchObject({
      status: "completed",
      takeovers: 1,
    });
  });

  test("a failed attempt is published again with its backoff", async () => {
    let fails = true;
    const orchestrator = async (_: string) => {
      if (!fails) return;
      fails = false;
      throw new Error("once");
    };
    const both = world.process({
      orchestrator,
      queue: messages.queue,
      retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 700, jitter: 0 } },
    });
    const id = await both.start("a");
    await world.clock.advance(10);
    expect(messages.published.slice(1)).toEqual([{ name: "test", executionId: id, delayMs: 700 }]);
    await world.clock.advance(700);
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", attempt: 2 });
  });

  test("a signal for a parked execution is published, one for a running one here is not", async () => {
    const read: unknown[] = [];
    const orchestrator = async (_: null, { signals }: ExecutionScope) => {
      for await (const signal of signals()) {
        read.push(signal);
        return;
      }
    };
    const both = world.process({ orchestrator, queue: messages.queue });
    const id = await both.start(null);
    await world.clock.settle();
    await both.send(id, { type: "go" });
    await world.clock.settle();
    expect(read).toEqual([{ type: "go" }]);
    expect(messages.published).toHaveLength(1);
  });
});

describe("messages that go wrong", () => {
  test.each(["lost", "twice"] as const)("with every message %s, each execution runs once", async (fate) => {
    messages.faults.messages = fate;
    const { orchestrator, order } = recorder();
    const both = world.process({ orchestrator, queue: messages.queue, maxConcurrent: 3 });
    world.process({ orchestrator, queue: messages.queue, maxConcurrent: 3, role: "worker" });
    await both.startMany(Array.from({ length: 20 }, (_, n) => ({ input: n })));
    await world.clock.advance(5_000);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(await both.counts()).toMatchObject({ completed: 20 });
    expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
  });

  test("a message that comes late, when it has ended, does nothing", async () => {
    const { orchestrator, order } = recorder();
    const both = world.process({ orchestrator, queue: messages.queue });
    const id = await both.start(1);
    await world.clock.advance(100);
    await messages.queue.publish([{ name: "test", executionId: id }]);
    await world.clock.advance(100);
    expect(order).toEqual([1]);
    expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
  });

  test("one that cannot be read is put aside at once, and the worker goes on", async () => {
    messages.publishRaw("no-such-id");
    const both = world.process({ orchestrator: double, queue: messages.queue });
    const id = await both.start(1);
    await world.clock.settle();
    expect(await both.getStatus(id)).toMatchObject({ status: "completed" });
    expect(await messages.aside()).toEqual([{ raw: "no-such-id", reason: "it cannot be read" }]);
  });

  test.each([
    ["with", {}],
    ["without", { delay: false }],
    ["without", { priority: false, deliveryCount: false }],
  ])("an id that is unknown comes again for 30 seconds and is then put aside, %s delays of the queue (%j)", async (_, less) => {
    messages = createQueueWorld(world.clock, less);
    await messages.queue.publish([
      { name: "test", executionId: "later" },
      { name: "test", executionId: "never" },
    ]);
    const worker = world.process({ orchestrator: double, queue: messages.queue, role: "worker", maxConcurrent: 1 });
    const client = world.process({ orchestrator: double, role: "client" });
    await world.clock.advance(20_000);
    await client.start(1, { id: "later" });
    await world.clock.advance(2_000);
    expect(await client.getStatus("later")).toMatchObject({ status: "completed" });
    await world.clock.advance(7_000);
    expect(await messages.aside()).toEqual([]);
    await world.clock.advance(3_000);
    expect(await messages.aside()).toMatchObject([{ raw: expect.stringContaining("never"), reason: "no execution has this id" }]);
    await worker.close();
  });

  test("a record that the store could not be asked about is asked for again", async () => {
    const store = world.store();
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
    world.process({ orchestrator: double, role: "worker", queue: messages.queue, store });
    await world.clock.advance(10);
    store.faults.set("claim", "after");
    const id = await client.start(2);
    await world.clock.advance(200);
    store.faults.clear();
    await world.clock.advance(2_000);
    expect(await client.getStatus(id)).toMatchObject({ status: "completed", attempt: 1 });
    expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
  });
});

test("a message that comes while a claim is repeated is not taken for one that the claim was about", async () => {
  const store = world.store();
  const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
  world.process({ orchestrator: double, role: "worker", queue: messages.queue, store, maxConcurrent: 5, pollMs: 60_000 });
  await world.clock.advance(10);
  store.faults.set("claim", "after");
  const first = await client.start(1);
  await world.clock.settle();
  const second = await client.start(2);
  await world.clock.settle();
  store.faults.clear();
  await world.clock.advance(2_000);
  for (const id of [first, second]) expect(await client.getStatus(id)).toMatchObject({ status: "completed", attempt: 1 });
  expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
});

test("a worker that takes something over while it is looking at the store, and is answered late, looks again", async () => {
  messages.faults.messages = "lost";
  const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
  const id = await client.start(2);
  const store = world.store();
  await store.claim({ name: "test", owner: "dead", claimId: "c", limit: 1, leaseMs: 1_000, machineId: "function", versions: "any" });
  await world.clock.advance(1_001);
  let looked = () => {};
  const hasLooked = new Promise<void>((resolve) => {
    looked = resolve;
  });
  let swept = () => {};
  const hasSwept = new Promise<void>((resolve) => {
    swept = resolve;
  });
  const late: ExecutionStore = {
    ...store,
    async claim(request) {
      const report = await store.claim(request);
      looked();
      await hasSwept;
      return report;
    },
    async sweep(request) {
      await hasLooked;
      const report = await store.sweep(request);
      // The worker has heard of it by then.
      setImmediate(swept);
      return report;
    },
  };
  world.process({ orchestrator: double, role: "worker", queue: messages.queue, store: late, pollMs: 60_000 });
  await hasSwept;
  await world.clock.settle();
  expect(await client.getStatus(id)).toMatchObject({ status: "completed", attempt: 2 });
});

test("a queue that is closed gives back what its closed consumers had, too", async () => {
  const data = new MemoryQueueData();
  const [queue, other] = [createMemoryQueue({ clock: world.clock, data }), createMemoryQueue({ clock: world.clock, data })];
  const got: (string | undefined)[] = [];
  const options = { name: "test", visibilityTimeoutMs: 60_000, maxInFlight: 10 };
  const consumer = await queue.consume(options, ({ message }) => got.push(message?.executionId));
  await queue.publish([{ name: "test", executionId: "one" }]);
  await world.clock.settle();
  await consumer.close();
  await queue.close();
  await other.consume(options, ({ message }) => got.push(message?.executionId));
  await world.clock.settle();
  expect(got).toEqual(["one", "one"]);
});

describe("a queue that is down", () => {
  test.each(["down", "hangs"] as const)("(%s) refuses no start and stops no work", async (fault) => {
    messages.faults[fault] = true;
    const both = world.process({ orchestrator: double, queue: messages.queue, leaseMs: 3_000 });
    const started = both.start(3);
    await world.clock.advance(2_000);
    const id = await started;
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", result: 6 });
    const closed = both.close({ deadlineMs: 1_000 });
    await world.clock.advance(3_000);
    await closed;
    world.errors.length = 0;
  });

  test("is asked again, with longer pauses, until it is back", async () => {
    messages.faults.down = true;
    const both = world.process({ orchestrator: double, queue: messages.queue, pollMs: 60_000 });
    await world.clock.advance(30_000);
    expect(messages.consumes).toBeGreaterThan(10);
    expect(messages.consumes).toBeLessThan(100);
    // Told once, since a mistyped address looks the same.
    expect(world.outages.map(String)).toEqual(["StoreUnavailableError: the queue is down"]);
    messages.faults.down = false;
    await world.clock.advance(2_000);
    const id = await both.start(3);
    await world.clock.settle();
    expect(await both.getStatus(id)).toMatchObject({ status: "completed" });
  });

  test("leaves work behind that is published again when it is back, each id once in a while", async () => {
    messages.faults.messages = "lost";
    const client = world.process({ orchestrator: double, role: "client", queue: messages.queue });
    const ids = await client.startMany(Array.from({ length: 150 }, (_, n) => ({ input: n })));
    delete messages.faults.messages;
    messages.published.length = 0;
    // It has no room: others should hear of what waits.
    world.process({
      orchestrator: () => new Promise<number>(() => {}),
      queue: messages.queue,
      maxConcurrent: 1,
      leaseMs: 3_000,
    });
    await world.clock.advance(20_000);
    const told = messages.published.map(({ executionId }) => executionId);
    expect(new Set(told).size).toBe(149);
    expect(told).toHaveLength(149);
    expect(ids).toEqual(expect.arrayContaining(told));
  });
});

describe("a queue that lacks something", () => {
  test("without delays, delayed starts and retries are in time", async () => {
    messages = createQueueWorld(world.clock, { delay: false });
    const begun: number[] = [];
    const orchestrator = async (_: null, { attempt }: ExecutionScope) => {
      begun.push(world.clock.now() - 1_000_000);
      if (attempt === 1) throw new Error("again");
    };
    const both = world.process({
      orchestrator,
      queue: messages.queue,
      retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 3_000, jitter: 0 } },
    });
    await both.start(null, { delayMs: 2_000 });
    await world.clock.advance(10_000);
    expect(messages.published).toEqual([]);
    expect(begun).toHaveLength(2);
    expect(begun[0]).toBeGreaterThanOrEqual(2_000);
    expect(begun[0]).toBeLessThanOrEqual(2_500);
    expect((begun[1] as number) - (begun[0] as number)).toBeGreaterThanOrEqual(3_000);
    expect((begun[1] as number) - (begun[0] as number)).toBeLessThanOrEqual(3_500);
  });

  test("with short delays only, what is delayed for longer is in time and not published", async () => {
    messages = createQueueWorld(world.clock, { maxDelayMs: 3_000 });
    const { orchestrator, order } = recorder();
    const both = world.process({ orchestrator, queue: messages.queue });
    const [short, long] = await both.startMany([3_000, 3_001].map((delayMs, n) => ({ input: n, options: { delayMs } })));
    await world.clock.advance(2_900);
    expect(order).toEqual([]);
    await world.clock.advance(1_000);
    expect(order).toEqual([0, 1]);
    expect(messages.published.map(({ executionId }) => executionId)).toEqual([short]);
    expect(await both.getStatus(long as string)).toMatchObject({ status: "completed" });
  });

  test.each([true, false])("higher priorities go first, whether the queue knows them or not (%s)", async (priority) => {
    messages = createQueueWorld(world.clock, { priority });
    const { orchestrator, order } = recorder();
    const client = world.process({ orchestrator, role: "client", queue: messages.queue });
    for (const n of [1, 5, 3, 9, 7]) await client.start(n, { priority: n });
    world.process({ orchestrator, role: "worker", queue: messages.queue, maxConcurrent: 1, pollMs: 60_000 });
    await world.clock.advance(1_000);
    expect(order).toEqual([9, 7, 5, 3, 1]);
    expect([messages.waiting(), messages.onLoan()]).toEqual([0, 0]);
  });

  test("a group's limit holds, and what it held back runs when there is room", async () => {
    const { orchestrator, order } = recorder(100);
    const both = world.process({ orchestrator, queue: messages.queue, maxConcurrentPerGroup: 1 });
    await both.startMany([1, 2, 3].map((n) => ({ input: n, options: { group: "g" } })));
    await world.clock.advance(90);
    expect(order).toEqual([1]);
    await world.clock.advance(2_000);
    expect(order).toEqual([1, 2, 3]);
  });
});

test("drain waits for what messages do not tell", async () => {
  messages.faults.messages = "lost";
  const { orchestrator, order } = recorder();
  const both = world.process({ orchestrator, queue: messages.queue, maxConcurrent: 2, pollMs: 60_000 });
  await world.clock.settle();
  await both.startMany([1, 2, 3, 4, 5].map((n) => ({ input: n })));
  const drained = both.drain();
  await world.clock.advance(1_000);
  await drained;
  expect(order).toEqual([1, 2, 3, 4, 5]);
});

test("a queue without its methods is refused", () => {
  expect(() => world.process({ orchestrator: double, queue: { publish: () => {} } as never })).toThrow("queue");
});
