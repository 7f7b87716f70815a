import assert from "node:assert/strict";
import { CoordinatorClosedError } from "../../model/errors.ts";
import type { Delivery, ExecutionQueue, QueueConsumer, QueueMessage } from "../../ports/execution-queue.ts";
import type { ContractCase } from "./contract-case.ts";

/** A queue without messages, and what a contract needs around it. */
export interface QueueWorld {
  readonly queue: ExecutionQueue;
  /** A second queue on the same messages, as another process would have it. Closed by the world. */
  openSecond(): Promise<ExecutionQueue>;
  /** Milliseconds of the time that the queue keeps. */
  now(): number;
  /** Lets so much time pass for the queue, and what is on its way arrive, which may take several calls. */
  elapse(ms: number): Promise<void>;
  /** Of the loans in this world: long enough that a slow machine settles in time what it means to; 1 000. */
  readonly visibilityTimeoutMs?: number;
  /** Puts something on the queue that no coordinator would write; absent where that cannot be. */
  publishRaw?(name: string, raw: string): Promise<void>;
  close(): Promise<void>;
}

const name = "contract";
const delayMs = 1_000;
/** How long nothing must arrive where nothing may. */
const quietMs = 50;
/** How many times a world may say that it has let everything arrive. */
const mostLooks = 1_000;

const message = (executionId: string, fields: Partial<QueueMessage> = {}): QueueMessage => ({ name, executionId, ...fields });

/** What a consumer got, and when. */
interface Received {
  readonly deliveries: Delivery[];
  readonly at: number[];
  readonly consumer: QueueConsumer;
  /** Resolves once it has got so many in all. */
  count(number: number): Promise<void>;
}

// Only that something comes too early, or not at all, is ever wrong: how late it comes is up to the machine.
const cases: Readonly<Record<string, (world: QueueWorld) => Promise<void>>> = {
  "a published message reaches a consumer with all it was given": async (world) => {
    const got = await consume(world);
    assert.deepEqual(await world.queue.publish([message("a", { group: "g" })]), [{ published: true }]);
    await got.count(1);
    const [first] = got.deliveries;
    assert.deepEqual([first?.message?.executionId, first?.message?.group, first?.deliveryCount], ["a", "g", 1]);
  },
  "messages published before anybody consumes are kept": async (world) => {
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    assert.deepEqual(idsOf(got), ["a"]);
  },
  "messages come in the order of publishing": async (world) => {
    if (world.queue.capabilities.order !== "fifo") return;
    await world.queue.publish(["a", "b", "c"].map((id) => message(id)));
    const got = await consume(world);
    await got.count(3);
    assert.deepEqual(idsOf(got), ["a", "b", "c"]);
  },
  "messages of a group come in the order of publishing": async (world) => {
    if (world.queue.capabilities.order === "loose") return;
    await world.queue.publish(["a", "b", "c"].map((id) => message(id, { group: "g" })));
    const got = await consume(world);
    for (let number = 1; number <= 3; number++) {
      await got.count(number);
      await got.deliveries[number - 1]?.ack();
    }
    assert.deepEqual(idsOf(got), ["a", "b", "c"]);
  },
  "no more than maxInFlight are on loan": async (world) => {
    await world.queue.publish(["a", "b", "c"].map((id) => message(id)));
    const got = await consume(world, 2);
    await got.count(2);
    await world.elapse(quietMs);
    assert.equal(got.deliveries.length, 2);
    await got.deliveries[0]?.ack();
    await got.count(3);
  },
  "maxInFlight can be changed, and 0 pauses": async (world) => {
    const got = await consume(world, 0);
    await world.queue.publish([message("a"), message("b")]);
    await world.elapse(quietMs);
    assert.equal(got.deliveries.length, 0);
    got.consumer.setMaxInFlight(1);
    await got.count(1);
    await world.elapse(quietMs);
    assert.equal(got.deliveries.length, 1);
  },
  "a message on loan is hidden from others": async (world) => {
    const both = [await consume(world, 1), await consume(world, 1, await world.openSecond())];
    const all = () => both.flatMap(({ deliveries }) => deliveries);
    await world.queue.publish([message("a"), message("b"), message("c")]);
    await until(world, () => all().length >= 1);
    await world.elapse(quietMs);
    const ids = both.flatMap(idsOf);
    assert.ok(ids.length <= 2);
    assert.equal(new Set(ids).size, ids.length);
  },
  "two consumers get every message, each of them once": async (world) => {
    const both = [await consume(world), await consume(world, 10, await world.openSecond())];
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    await world.queue.publish(ids.map((id) => message(id)));
    const seen = () => both.flatMap(idsOf);
    const settled = new Set<Delivery>();
    await until(world, async () => {
      for (const delivery of both.flatMap(({ deliveries }) => deliveries)) {
        if (settled.has(delivery)) continue;
        settled.add(delivery);
        await delivery.ack();
      }
      return seen().length >= ids.length;
    });
    await world.elapse(quietMs);
    assert.deepEqual(seen().sort(), [...ids].sort());
  },
  "an acknowledged message is gone": async (world) => {
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    await got.deliveries[0]?.ack();
    await world.elapse(visibilityTimeoutMs(world) * 2);
    assert.equal(got.deliveries.length, 1);
  },
  "a refused message comes back at once": async (world) => {
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    await got.deliveries[0]?.nack();
    await got.count(2);
    assert.deepEqual(idsOf(got), ["a", "a"]);
    assert.ok((got.deliveries[1]?.deliveryCount ?? 0) >= 2);
  },
  "a refused message can be delayed": async (world) => {
    if (!world.queue.capabilities.delay) return;
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    const refusedAt = world.now();
    await got.deliveries[0]?.nack({ delayMs });
    await world.elapse(delayMs);
    await got.count(2);
    assert.ok((got.at[1] ?? 0) - refusedAt >= delayMs - earlyMs);
  },
  "a published message can be delayed": async (world) => {
    if (!world.queue.capabilities.delay) return;
    const got = await consume(world);
    const publishedAt = world.now();
    await world.queue.publish([message("a", { delayMs })]);
    await world.elapse(delayMs);
    await got.count(1);
    assert.ok((got.at[0] ?? 0) - publishedAt >= delayMs - earlyMs);
  },
  "a delayed message holds up no other": async (world) => {
    if (!world.queue.capabilities.delay) return;
    const got = await consume(world);
    await world.queue.publish([message("late", { delayMs: 60 * delayMs }), message("soon", { delayMs }), message("now")]);
    await got.count(1);
    await got.deliveries[0]?.ack();
    await world.elapse(delayMs);
    await got.count(2);
    assert.deepEqual(idsOf(got), ["now", "soon"]);
  },
  "a message that is not settled comes back after its visibility timeout": async (world) => {
    if (!world.queue.capabilities.visibilityTimeout) return;
    const publishedAt = world.now();
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    await world.elapse(visibilityTimeoutMs(world));
    await got.count(2);
    assert.deepEqual(idsOf(got).slice(0, 2), ["a", "a"]);
    assert.ok((got.at[1] ?? 0) - publishedAt >= visibilityTimeoutMs(world) - earlyMs);
  },
  "an extended message stays hidden from then on, and a lost loan cannot be extended": async (world) => {
    if (!world.queue.capabilities.visibilityTimeout) return;
    const extendedMs = visibilityTimeoutMs(world) * 2;
    await world.queue.publish([message("a")]);
    const got = await consume(world, 1);
    await got.count(1);
    const extendedAt = world.now();
    assert.equal(await got.deliveries[0]?.extend(extendedMs), true);
    await world.elapse(extendedMs);
    await got.count(2);
    assert.ok((got.at[1] ?? 0) - extendedAt >= extendedMs - earlyMs);
    assert.equal(await got.deliveries[0]?.extend(extendedMs), false);
  },
  "settling twice, or after the loan was lost, does nothing": async (world) => {
    await world.queue.publish([message("a")]);
    const got = await consume(world);
    await got.count(1);
    await got.deliveries[0]?.nack();
    await got.deliveries[0]?.ack();
    await got.count(2);
    await got.deliveries[0]?.nack();
    await got.deliveries[0]?.putAside("too late");
    await world.elapse(quietMs);
    assert.equal(got.deliveries.length, 2);
  },
  "higher priorities come first": async (world) => {
    if (!world.queue.capabilities.priority) return;
    await world.queue.publish([message("low"), message("high", { priority: 5 })]);
    const got = await consume(world);
    await got.count(2);
    assert.deepEqual(idsOf(got), ["high", "low"]);
  },
  "a consumer gets only messages of its name": async (world) => {
    const got = await consume(world);
    await world.queue.publish([{ name: "elsewhere", executionId: "x" }, message("a")]);
    await got.count(1);
    await world.elapse(quietMs);
    assert.deepEqual(idsOf(got), ["a"]);
  },
  "a message put aside is out of circulation and can be seen": async (world) => {
    const { queue } = world;
    await queue.publish([message("a"), message("b")]);
    const got = await consume(world);
    await got.count(2);
    await got.deliveries.find((delivery) => delivery.message?.executionId === "a")?.putAside("nobody knows it");
    await got.deliveries.find((delivery) => delivery.message?.executionId === "b")?.ack();
    await world.elapse(visibilityTimeoutMs(world) * 2);
    assert.equal(got.deliveries.length, 2);
    if (!queue.capabilities.listsPutAside) return;
    const look = async () => {
      const aside = await queue.listPutAside({ name });
      return aside.map(({ reason, raw }) => [reason, /"a"/.test(raw)]);
    };
    await until(world, async () => (await look()).length > 0);
    assert.deepEqual(await look(), [["nobody knows it", true]]);
    // Looking takes nothing away.
    assert.equal((await look()).length, 1);
  },
  "a message that cannot be read is handed out as such": async (world) => {
    if (world.publishRaw === undefined) return;
    const got = await consume(world);
    await world.publishRaw(name, "no json {");
    await got.count(1);
    assert.deepEqual([got.deliveries[0]?.message, got.deliveries[0]?.raw], [undefined, "no json {"]);
  },
  "unsettled messages of a closed queue come to others": async (world) => {
    const other = await world.openSecond();
    const theirs = await consume(world, 10, other);
    await world.queue.publish([message("a")]);
    await theirs.count(1);
    await other.close();
    const got = await consume(world);
    await world.elapse(visibilityTimeoutMs(world));
    await got.count(1);
    assert.equal(idsOf(got)[0], "a");
  },
  "a closed consumer gets nothing more, and can still settle what it has": async (world) => {
    const got = await consume(world);
    await world.queue.publish([message("a")]);
    await got.count(1);
    await got.consumer.close();
    await got.deliveries[0]?.ack();
    await world.queue.publish([message("b")]);
    const rest = await consume(world);
    await rest.count(1);
    await world.elapse(visibilityTimeoutMs(world) * 2);
    assert.deepEqual([idsOf(got), [...new Set(idsOf(rest))]], [["a"], ["b"]]);
  },
  "a closed queue refuses calls, and closing it again is the same": async (world) => {
    const other = await world.openSecond();
    await other.close();
    await other.close();
    await assert.rejects(other.publish([message("a")]), CoordinatorClosedError);
  },
};

/** By how much two clocks, each rounded to milliseconds, may differ. */
const earlyMs = 5;

/** What every `ExecutionQueue` promises, as cases for any test runner; capabilities say which of them apply. */
export function executionQueueContract(openWorld: () => Promise<QueueWorld>): readonly ContractCase[] {
  return Object.entries(cases).map(([title, check]) => ({
    name: title,
    run: async () => {
      const world = await openWorld();
      try {
        await check(world);
      } finally {
        await world.close();
      }
    },
  }));
}

function visibilityTimeoutMs(world: QueueWorld): number {
  return world.visibilityTimeoutMs ?? 1_000;
}

async function consume(world: QueueWorld, maxInFlight = 10, queue = world.queue): Promise<Received> {
  const deliveries: Delivery[] = [];
  const at: number[] = [];
  const consumer = await queue.consume({ name, visibilityTimeoutMs: visibilityTimeoutMs(world), maxInFlight }, (delivery) => {
    deliveries.push(delivery);
    at.push(world.now());
  });
  return { deliveries, at, consumer, count: (number) => until(world, () => deliveries.length >= number) };
}

async function until(world: QueueWorld, fact: () => boolean | Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < mostLooks; looks++) {
    if (await fact()) return;
    await world.elapse(0);
  }
  assert.fail("what should arrive never does");
}

function idsOf({ deliveries }: Received): (string | undefined)[] {
  return deliveries.map((delivery) => delivery.message?.executionId);
}
