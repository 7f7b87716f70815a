import assert from "node:assert/strict";
import type { Delivery, ExecutionQueue, QueueMessage } from "../../ports/execution-queue.ts";
import type { ContractCase } from "./contract-case.ts";

/** A queue without messages, and what a contract needs around it. */
export interface QueueWorld {
  readonly queue: ExecutionQueue;
  /** A second queue on the same messages, as another process would have it. Closed by the world. */
  openSecond(): Promise<ExecutionQueue>;
  /** Lets so much time pass for the queue, and everything arrive that is on its way. */
  elapse(ms: number): Promise<void>;
  /** Puts something on the queue that no coordinator would write; absent where that cannot be. */
  publishRaw?(name: string, raw: string): Promise<void>;
  close(): Promise<void>;
}

const name = "contract";
const visibilityTimeoutMs = 1_000;

const message = (executionId: string, fields: Partial<QueueMessage> = {}): QueueMessage => ({ name, executionId, ...fields });

const cases: Readonly<Record<string, (world: QueueWorld) => Promise<void>>> = {
  "a published message reaches a consumer with all it was given": async ({ queue, elapse }) => {
    const got = await consume(queue);
    assert.deepEqual(await queue.publish([message("a", { group: "g" })]), [{ published: true }]);
    await elapse(0);
    assert.deepEqual([got[0]?.message?.executionId, got[0]?.message?.group, got[0]?.deliveryCount], ["a", "g", 1]);
  },
  "messages published before anybody consumes are kept": async ({ queue, elapse }) => {
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(0);
    assert.deepEqual(idsOf(got), ["a"]);
  },
  "messages come in the order of publishing": async ({ queue, elapse }) => {
    if (queue.capabilities.order !== "fifo") return;
    await queue.publish(["a", "b", "c"].map((id) => message(id)));
    const got = await consume(queue);
    await elapse(0);
    assert.deepEqual(idsOf(got), ["a", "b", "c"]);
  },
  "no more than maxInFlight are on loan": async ({ queue, elapse }) => {
    await queue.publish(["a", "b", "c"].map((id) => message(id)));
    const got = await consume(queue, 2);
    await elapse(0);
    assert.equal(got.length, 2);
    await got[0]?.ack();
    await elapse(0);
    assert.equal(got.length, 3);
  },
  "maxInFlight can be changed, and 0 pauses": async ({ queue, elapse }) => {
    const got: Delivery[] = [];
    const consumer = await queue.consume({ name, visibilityTimeoutMs, maxInFlight: 0 }, (delivery) => got.push(delivery));
    await queue.publish([message("a"), message("b")]);
    await elapse(0);
    assert.equal(got.length, 0);
    consumer.setMaxInFlight(1);
    await elapse(0);
    assert.equal(got.length, 1);
  },
  "a message on loan is hidden from others": async ({ queue, openSecond, elapse }) => {
    const got = [await consume(queue, 1), await consume(await openSecond(), 1)];
    await queue.publish([message("a"), message("b"), message("c")]);
    await elapse(0);
    assert.equal(new Set(got.flatMap(idsOf)).size, 2);
    assert.equal(got.flat().length, 2);
  },
  "an acknowledged message is gone": async ({ queue, elapse }) => {
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(0);
    await got[0]?.ack();
    await elapse(visibilityTimeoutMs * 2);
    assert.equal(got.length, 1);
  },
  "a refused message comes back at once": async ({ queue, elapse }) => {
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(0);
    await got[0]?.nack();
    await elapse(0);
    assert.deepEqual(idsOf(got), ["a", "a"]);
    assert.ok((got[1]?.deliveryCount ?? 0) >= 2);
  },
  "a refused message can be delayed": async ({ queue, elapse }) => {
    if (!queue.capabilities.delay) return;
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(0);
    await got[0]?.nack({ delayMs: 500 });
    await elapse(400);
    assert.equal(got.length, 1);
    await elapse(200);
    assert.equal(got.length, 2);
  },
  "a published message can be delayed": async ({ queue, elapse }) => {
    if (!queue.capabilities.delay) return;
    const got = await consume(queue);
    await queue.publish([message("a", { delayMs: 500 })]);
    await elapse(400);
    assert.equal(got.length, 0);
    await elapse(200);
    assert.equal(got.length, 1);
  },
  "a message that is not settled comes back after its visibility timeout": async ({ queue, elapse }) => {
    if (!queue.capabilities.visibilityTimeout) return;
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(visibilityTimeoutMs - 200);
    assert.equal(got.length, 1);
    await elapse(400);
    assert.deepEqual(idsOf(got), ["a", "a"]);
  },
  "an extended message stays hidden from then on, and a lost loan cannot be extended": async ({ queue, elapse }) => {
    if (!queue.capabilities.visibilityTimeout) return;
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(700);
    assert.equal(await got[0]?.extend(visibilityTimeoutMs), true);
    await elapse(700);
    assert.equal(got.length, 1);
    await elapse(700);
    assert.equal(got.length, 2);
    assert.equal(await got[0]?.extend(visibilityTimeoutMs), false);
  },
  "settling twice, or after the loan was lost, does nothing": async ({ queue, elapse }) => {
    await queue.publish([message("a")]);
    const got = await consume(queue);
    await elapse(0);
    await got[0]?.nack();
    await got[0]?.ack();
    await elapse(0);
    assert.equal(got.length, 2);
    await got[0]?.nack();
    await elapse(0);
    assert.equal(got.length, 2);
  },
  "higher priorities come first": async ({ queue, elapse }) => {
    if (!queue.capabilities.priority) return;
    await queue.publish([message("low"), message("high", { priority: 5 })]);
    const got = await consume(queue);
    await elapse(0);
    assert.deepEqual(idsOf(got), ["high", "low"]);
  },
  "a consumer gets only messages of its name": async ({ queue, elapse }) => {
    const got = await consume(queue);
    await queue.publish([{ name: "elsewhere", executionId: "x" }, message("a")]);
    await elapse(0);
    assert.deepEqual(idsOf(got), ["a"]);
  },
  "a message put aside is out of circulation and can be seen": async ({ queue, elapse }) => {
    await queue.publish([message("a"), message("b")]);
    const got = await consume(queue);
    await elapse(0);
    await got[0]?.putAside("nobody knows it");
    await elapse(visibilityTimeoutMs - 100);
    assert.equal(got.length, 2);
    if (!queue.capabilities.listsPutAside) return;
    const aside = await queue.listPutAside({ name });
    assert.deepEqual(
      aside.map(({ reason }) => reason),
      ["nobody knows it"],
    );
    assert.match(aside[0]?.raw ?? "", /"a"/);
  },
  "a message that cannot be read is handed out as such": async ({ queue, publishRaw, elapse }) => {
    if (publishRaw === undefined) return;
    const got = await consume(queue);
    await publishRaw(name, "no json {");
    await elapse(0);
    assert.deepEqual([got[0]?.message, got[0]?.raw], [undefined, "no json {"]);
  },
  "unsettled messages of a closed queue come to others": async ({ queue, openSecond, elapse }) => {
    const other = await openSecond();
    await consume(other);
    await queue.publish([message("a")]);
    await elapse(0);
    await other.close();
    const got = await consume(queue);
    await elapse(visibilityTimeoutMs * 2);
    assert.equal(got[0]?.message?.executionId, "a");
  },
  "a closed consumer gets nothing more, and can still settle what it has": async ({ queue, elapse }) => {
    const got: Delivery[] = [];
    const consumer = await queue.consume({ name, visibilityTimeoutMs, maxInFlight: 10 }, (delivery) => got.push(delivery));
    await queue.publish([message("a")]);
    await elapse(0);
    await consumer.close();
    await got[0]?.ack();
    await queue.publish([message("b")]);
    const rest = await consume(queue);
    await elapse(visibilityTimeoutMs * 2);
    assert.deepEqual([idsOf(got), rest[0]?.message?.executionId], [["a"], "b"]);
  },
};

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

async function consume(queue: ExecutionQueue, maxInFlight = 10): Promise<Delivery[]> {
  const got: Delivery[] = [];
  await queue.consume({ name, visibilityTimeoutMs, maxInFlight }, (delivery) => got.push(delivery));
  return got;
}

function idsOf(deliveries: readonly Delivery[]): (string | undefined)[] {
  return deliveries.map((delivery) => delivery.message?.executionId);
}
