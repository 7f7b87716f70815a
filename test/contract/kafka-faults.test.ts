import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, it } from "vitest";
import { createKafkaQueue, type KafkaQueueOptions } from "../../src/adapters/kafka/index.ts";
import { kafkaNames } from "../../src/adapters/kafka/kafka-names.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { Delivery, ExecutionQueue, QueueConsumer } from "../../src/ports/execution-queue.ts";
import { consumeInProcess } from "../support/kafka-consuming-process.ts";
import { describeWithKafka, type KafkaServer, startKafka } from "../support/kafka-server.ts";
import { consumingPersistently } from "../support/persistent-consume.ts";

const name = "faults";
const namePrefix = "test";
const { topic } = kafkaNames(namePrefix, name);
/** Longer than the 3 s for which the mock lets the first member of a group wait; and a busy machine gives no sign of life for long. */
const sessionTimeoutMs = 6_000;

/** Brokers of one's own, which cost next to nothing, and queues on them. */
class KafkaWorld {
  readonly server: KafkaServer;
  readonly #queues: ExecutionQueue[] = [];

  constructor(server: KafkaServer) {
    this.server = server;
  }

  open(options: Partial<KafkaQueueOptions> = {}): ExecutionQueue {
    const queue = createKafkaQueue({ brokers: this.server.brokers, namePrefix, topics: "auto", sessionTimeoutMs, ...options });
    this.#queues.push(queue);
    return queue;
  }

  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
    await this.server.remove();
  }
}

/** Collects deliveries, and acknowledges them unless told otherwise. */
async function consume(queue: ExecutionQueue, { acknowledges = true, maxInFlight = 100 } = {}) {
  const deliveries: Delivery[] = [];
  const consumer: QueueConsumer = await queue.consume({ name, visibilityTimeoutMs: 10_000, maxInFlight }, (delivery) => {
    deliveries.push(delivery);
    if (acknowledges) void delivery.ack().catch(() => {});
  });
  const ids = () => deliveries.map(({ message }) => message?.executionId as string);
  return { deliveries, consumer, ids };
}

const messages = (count: number, first = 0) => Array.from({ length: count }, (_, index) => ({ name, executionId: `e${first + index}` }));
const ids = (count: number, first = 0) => messages(count, first).map(({ executionId }) => executionId);
const published = (count: number) => Array.from({ length: count }, () => ({ published: true }));

async function until(fact: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await fact())) {
    if (performance.now() > end) throw new Error(`never: ${fact}`);
    await sleep(20);
  }
}

const unique = (list: readonly string[]) => [...new Set(list)].sort();

const cases: Readonly<Record<string, (world: KafkaWorld) => Promise<void>>> = {
  "a publish that the brokers fail to carry out is repeated": async (world) => {
    const queue = world.open();
    await queue.publish(messages(1));
    await world.server.fail("produce", "requestTimedOut", 3);
    expect(await queue.publish(messages(1, 1))).toEqual(published(1));
  },

  "a message that is too large fails alone": async (world) => {
    const queue = world.open();
    await queue.publish(messages(1));
    // All three together, then the first.
    await world.server.fail("produce", "messageTooLarge", 2);
    const reports = await queue.publish(messages(3).map((message) => ({ ...message, group: "g" })));
    expect(reports).toMatchObject([{ published: false, reason: "tooLarge" }, { published: true }, { published: true }]);
  },

  "what is not allowed rejects at once, and says so": async (world) => {
    const queue = world.open();
    await queue.publish(messages(1));
    await world.server.fail("produce", "topicAuthorizationFailed", 1);
    const refusal = queue.publish(messages(1));
    await expect(refusal).rejects.not.toBeInstanceOf(StoreUnavailableError);
    await world.server.fail("join", "groupAuthorizationFailed", 1);
    await expect(consume(queue)).rejects.not.toBeInstanceOf(StoreUnavailableError);
  },

  "a topic that must be there, and is not, is named; one that is there is used": async (world) => {
    for (const hidden of [topic, kafkaNames(namePrefix, name).aside, kafkaNames("other", name).topic]) await world.server.hideTopic(hidden);
    const queue = world.open({ topics: "expect" });
    const refusal = expect.objectContaining({ field: "topics", expected: expect.stringContaining(topic) });
    await expect(queue.publish(messages(1))).rejects.toEqual(refusal);
    await expect(queue.publish(messages(1))).rejects.toBeInstanceOf(InvalidOptionsError);
    await expect(consume(queue)).rejects.toEqual(refusal);
    expect(await queue.listPutAside({ name })).toEqual([]);
    await world.server.showTopic(topic);
    expect(await queue.publish(messages(2))).toEqual(published(2));
    expect(await world.open({ topics: "create" }).publish(messages(2))).toEqual(published(2));
    // The mock makes none when it is asked to.
    await expect(world.open({ topics: "create", namePrefix: "other" }).publish(messages(1))).rejects.toThrow("CreateTopics");
  },

  "without brokers a publish reports unavailable in time, a consume rejects, and both work again later": async (world) => {
    const queue = world.open({ operationTimeoutMs: 1_500 });
    await queue.publish(messages(1));
    for (const broker of [1, 2, 3]) await world.server.takeDown(broker);
    const before = performance.now();
    expect(await queue.publish(messages(2))).toMatchObject(messages(2).map(() => ({ published: false, reason: "unavailable" })));
    expect(performance.now() - before).toBeLessThan(3_000);
    await expect(consume(queue)).rejects.toBeInstanceOf(StoreUnavailableError);
    await expect(queue.listPutAside({ name })).rejects.toBeInstanceOf(StoreUnavailableError);
    for (const broker of [1, 2, 3]) await world.server.bringUp(broker);
    await until(async () => (await queue.publish(messages(1)))[0]?.published === true);
    const { ids } = await consume(queue);
    await until(() => ids().includes("e0"));
  },

  "brokers that go down for a while under a consumer cost nothing but time": async (world) => {
    const queue = world.open();
    const got = await consume(queue);
    expect(await queue.publish(messages(20))).toEqual(published(20));
    await until(() => unique(got.ids()).length === 20);
    for (const broker of [1, 2, 3]) await world.server.takeDown(broker);
    const late = queue.publish(messages(20, 20));
    await sleep(800);
    for (const broker of [1, 2, 3]) await world.server.bringUp(broker);
    expect(await late).toEqual(published(20));
    await until(() => unique(got.ids()).length === 40);
    await queue.close();
    const rest = await consume(world.open());
    await world.open().publish(messages(1, 99));
    await until(() => rest.ids().includes("e99"));
    expect(unique(rest.ids())).toEqual(["e99"]);
  },

  "leaders and coordinators that move are followed": async (world) => {
    await world.server.createTopic(topic, 4);
    const queue = world.open({ topics: "expect" });
    const got = await consume(queue);
    await queue.publish(messages(20));
    await until(() => unique(got.ids()).length === 20);
    for (let broker = 1; broker <= 3; broker++) {
      for (let partition = 0; partition < 4; partition++) await world.server.moveLeader(topic, partition, ((broker + partition) % 3) + 1);
      await world.server.moveCoordinator(topic, broker);
      expect(await queue.publish(messages(20, broker * 20))).toEqual(published(20));
      await until(() => unique(got.ids()).length === 20 + broker * 20);
    }
    await got.deliveries.at(-1)?.ack();
    await queue.close();
    const rest = await consume(world.open({ topics: "expect" }));
    await world.open().publish(messages(1, 99));
    await until(() => rest.ids().includes("e99"));
    expect(unique(rest.ids())).toEqual(["e99"]);
  },

  "brokers that are far away are waited for": async (world) => {
    const queue = world.open();
    for (const broker of [1, 2, 3]) await world.server.delay(broker, 150);
    const before = performance.now();
    expect(await queue.publish(messages(5))).toEqual(published(5));
    expect(performance.now() - before).toBeGreaterThanOrEqual(150);
    const got = await consume(queue);
    await until(() => unique(got.ids()).length === 5);
  },

  "a refused message that cannot be written again stays, and comes again": async (world) => {
    const queue = world.open();
    await queue.publish(messages(1));
    const got = await consume(queue, { acknowledges: false });
    await until(() => got.deliveries.length === 1);
    await world.server.fail("produce", "topicAuthorizationFailed", 1);
    await got.deliveries[0]?.nack();
    await until(() => got.deliveries.length === 2);
    expect(got.deliveries[1]?.deliveryCount).toBe(2);
    await got.deliveries[1]?.nack();
    await until(() => got.deliveries.length === 3);
    expect([unique(got.ids()), got.deliveries[2]?.deliveryCount]).toEqual([["e0"], 3]);
    await got.deliveries[2]?.ack();
  },

  "a message that is refused again and again holds up no other of its partition": async (world) => {
    const queue = world.open();
    await queue.publish(messages(3).map((message) => ({ ...message, group: "g" })));
    const seen: string[] = [];
    await queue.consume({ name, visibilityTimeoutMs: 10_000, maxInFlight: 1 }, async (delivery) => {
      const id = delivery.message?.executionId as string;
      seen.push(id);
      if (id === "e0" && delivery.deliveryCount < 4) await delivery.nack();
      else await delivery.ack();
    });
    await until(() => seen.length === 6);
    expect(seen).toEqual(["e0", "e1", "e2", "e0", "e0", "e0"]);
  },

  "what a second member takes over is lost to the first, and comes back when it leaves": async (world) => {
    await world.server.createTopic(topic, 4);
    const [first, second] = [world.open(), world.open()];
    await first.publish(messages(40));
    const theirs = await consume(first, { acknowledges: false });
    await until(() => theirs.ids().length === 40);
    // From the beginnings of all partitions, as those take turns.
    const settled = theirs.deliveries.splice(0, 8);
    const settledIds = settled.map(({ message }) => message?.executionId as string);
    await Promise.all(settled.map((delivery) => delivery.ack()));
    const ours = await consume(consumingPersistently(second), { acknowledges: false });
    await until(() => ours.ids().length > 0);
    // Two of four partitions moved, and with them what was not settled.
    expect(ours.ids().filter((id) => settledIds.includes(id))).toEqual([]);
    const moved = theirs.deliveries.filter(({ message }) => ours.ids().includes(message?.executionId as string));
    const extended = async (deliveries: readonly Delivery[]) => Promise.all(deliveries.map((delivery) => delivery.extend(1_000)));
    await until(async () => (await extended(moved)).every((isMine) => !isMine));
    const kept = theirs.deliveries.filter((delivery) => !moved.includes(delivery));
    expect(kept.length).toBeGreaterThan(0);
    expect((await extended(kept)).every(Boolean)).toBe(true);
    // Too late: nothing happens.
    for (const delivery of moved) await Promise.all([delivery.ack(), delivery.putAside("too late")]);
    for (const delivery of kept) await delivery.ack();
    await second.close();
    await until(() => theirs.ids().length === 32 + moved.length);
    expect(unique(theirs.ids().slice(32))).toEqual(unique(moved.map(({ message }) => message?.executionId as string)));
    expect(await first.listPutAside({ name })).toEqual([]);
  },

  "after a kill -9 others get what was not acknowledged, and nothing else": async (world) => {
    const queue = world.open();
    // In one partition: what was acknowledged is the beginning.
    await queue.publish(messages(30).map((message) => ({ ...message, group: "g" })));
    const { brokers } = world.server;
    const killed = await consumeInProcess({ brokers, namePrefix, name, sessionTimeoutMs, acknowledges: 20, holds: 5 });
    killed.process.kill("SIGKILL");
    const got = await consume(queue);
    await until(() => got.ids().length >= 10);
    expect([killed.acknowledged, killed.held, got.ids()]).toEqual([ids(20), ids(5, 20), ids(10, 20)]);
  },

  "whatever the order of acknowledgements, only what is settled is committed, and in the end all of it": async (world) => {
    const queue = world.open();
    await queue.publish(messages(200));
    const got = await consume(queue, { acknowledges: false, maxInFlight: 200 });
    await until(() => got.ids().length === 200);
    const [open, ...others] = [...got.deliveries].reverse();
    await Promise.all(others.map((delivery, index) => sleep(index % 7).then(() => delivery.ack())));
    await queue.close();
    const second = world.open();
    const rest = await consume(second);
    await until(() => rest.ids().length >= 1);
    await second.publish(messages(1, 999));
    await until(() => rest.ids().includes("e999"));
    expect(rest.ids()).toContain(open?.message?.executionId);
    await Promise.all(rest.deliveries.map((delivery) => delivery.ack()));
    await second.close();
    const third = world.open();
    const last = await consume(third);
    await third.publish(messages(1, 1_000));
    await until(() => last.ids().length > 0);
    expect(last.ids()).toEqual(["e1000"]);
  },

  "closing does not wait for brokers that say nothing, nor for those that are gone": async (world) => {
    const queues = [world.open(), world.open()];
    for (const queue of queues) await queue.publish(messages(1));
    const got = await consume(queues[0] as ExecutionQueue, { acknowledges: false });
    await until(() => got.deliveries.length > 0);
    world.server.freeze();
    const publishing = queues[1]?.publish(messages(1));
    const before = performance.now();
    await Promise.all(queues.map((queue) => queue.close()));
    expect(performance.now() - before).toBeLessThan(5_000);
    expect((await publishing)?.[0]?.published).toBe(false);
    await world.server.remove();
    const late = world.open();
    const consuming = consume(late);
    await Promise.all([late.close(), late.close(), expect(consuming).rejects.toBeInstanceOf(CoordinatorClosedError)]);
  },
};

describeWithKafka("Kafka queue, when things go wrong", () => {
  // They wait for groups to form most of the time, so all of them do so at once.
  const results = new Map<string, unknown>();
  beforeAll(async () => {
    const run = async ([title, check]: [string, (world: KafkaWorld) => Promise<void>]) => {
      const world = new KafkaWorld(await startKafka(3));
      await check(world)
        .catch((error: unknown) => results.set(title, error))
        .finally(() => world.close());
    };
    await Promise.all(Object.entries(cases).map(run));
  }, 120_000);
  for (const title of Object.keys(cases)) {
    it(title, () => {
      if (results.has(title)) throw results.get(title);
    });
  }

  it("leaves no timer and no connection behind", async () => {
    const world = new KafkaWorld(await startKafka());
    const queue = world.open();
    const got = await consume(queue);
    await queue.publish(messages(3));
    await until(() => got.ids().length === 3);
    await got.consumer.close();
    await world.close();
    expect(process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap")).toEqual([]);
  }, 20_000);
});
