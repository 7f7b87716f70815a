import { ServiceBusClient } from "@azure/service-bus";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createServiceBusQueue, type ServiceBusQueueOptions, toServiceBusQueueName } from "../../src/adapters/azure/index.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { Delivery, ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { runOverQueue } from "../support/run-over-queue.ts";
import { ServiceBusBroker } from "../support/service-bus-broker.ts";
import { socketsGone } from "../support/sockets-gone.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";

/** Twenty messages are settled in it, one after the other, on a machine that has much else to do. */
const lockMs = 2_000;

describe.each([{ sessions: false }, { sessions: true }])("Service Bus queue, sessions: $sessions", ({ sessions }) => {
  const contract = executionQueueContract(async () => {
    const broker = await new ServiceBusBroker({ lockMs }).start();
    const opened: ExecutionQueue[] = [];
    const open = () => {
      const queue = createServiceBusQueue({ connectionString: broker.connectionString(), sessions });
      opened.push(queue);
      return queue;
    };
    return {
      queue: open(),
      visibilityTimeoutMs: lockMs,
      openSecond: async () => open(),
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms === 0 ? 5 : ms)),
      async publishRaw(name, raw) {
        const client = new ServiceBusClient(broker.connectionString());
        const message = { body: Buffer.from(raw), ...(sessions && { sessionId: "somebody's" }) };
        await client.createSender(toServiceBusQueueName(name)).sendMessages(message);
        await client.close();
      },
      async close() {
        for (const queue of opened) await queue.close();
        await broker.close();
      },
    };
  });
  // Not in each world: they share the process.
  afterEach(socketsGone);
  contractAtOnce(contract);
});

describe("Service Bus queue, in trouble", () => {
  timersInBackground("@azure", "rhea", "rhea-promise");

  const name = "contract";
  let broker: ServiceBusBroker;
  let opened: ExecutionQueue[];

  beforeEach(async () => {
    opened = [];
    broker = await new ServiceBusBroker({ lockMs: 1_000, maxDeliveryCount: 3, missing: (queue) => queue.includes("missing") }).start();
  });
  afterEach(async () => {
    for (const queue of opened) await queue.close();
    await broker.close();
    await socketsGone();
  });

  const open = (options: ServiceBusQueueOptions = {}) => {
    const from = options.client === undefined ? { connectionString: broker.connectionString() } : {};
    const queue = createServiceBusQueue({ ...from, operationTimeoutMs: 2_000, ...options });
    opened.push(queue);
    return queue;
  };
  const message = (executionId: string) => ({ name, executionId });
  const consume = async (queue: ExecutionQueue, handle: (delivery: Delivery) => void, visibilityTimeoutMs = 1_000) => {
    const got: Delivery[] = [];
    await queue.consume({ name, visibilityTimeoutMs, maxInFlight: 10 }, (delivery) => {
      got.push(delivery);
      handle(delivery);
    });
    return got;
  };
  const count = (got: readonly unknown[], number: number) => expect.poll(() => got.length, { timeout: 10_000, interval: 5 }).toBe(number);
  const nothing = () => {};

  it.each([false, true])(
    "two coordinators run 100 executions, each once (sessions: %s)",
    async (sessions) => {
      const { runs, completed } = await runOverQueue(() => open({ sessions, operationTimeoutMs: 10_000 }), { count: 100, pollMs: 5_000 });
      expect([completed, runs.every((times) => times === 1)]).toEqual([100, true]);
    },
    30_000,
  );

  it.each([false, true])(
    "work goes on over lost connections (sessions: %s)",
    async (sessions) => {
      let isOver = false;
      const drops = async () => {
        for (let drop = 0; drop < 5 && !isOver; drop++) {
          broker.dropConnections();
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      };
      // What was lost on its way is found by the poll.
      const { runs, completed } = await runOverQueue(() => open({ sessions }), { count: 100, pollMs: 2_000, midway: drops });
      isOver = true;
      expect([completed, runs.every((times) => times === 1)]).toEqual([100, true]);
    },
    60_000,
  );

  it("messages that were on loan when the connection was lost can be settled over the next one", async () => {
    const queue = open();
    const got = await consume(queue, nothing, 60_000);
    await queue.publish([message("a"), message("b")]);
    await count(got, 2);
    broker.dropConnections();
    expect(await got[0]?.extend(60_000)).toBe(true);
    await got[0]?.ack();
    await got[1]?.putAside("after all");
    expect(broker.count("actorfleet-contract")).toBe(0);
    expect(await queue.listPutAside({ name })).toEqual([{ raw: JSON.stringify(message("b")), reason: "after all" }]);
  });

  it("a loan is kept for longer than a lock lasts, if it is to", async () => {
    const got = await consume(open(), nothing, 3_000);
    const publishedAt = Date.now();
    await opened[0]?.publish([message("a")]);
    await count(got, 2);
    expect(Date.now() - publishedAt).toBeGreaterThanOrEqual(2_995);
  });

  it("whose lock is lost without its knowledge settles nothing", async () => {
    const queue = open();
    const got = await consume(queue, nothing, 60_000);
    await queue.publish([message("a"), message("b")]);
    await count(got, 2);
    broker.loseLocks();
    await count(got, 4);
    expect(await got[0]?.extend(1_000)).toBe(false);
    await got[1]?.ack();
    expect(broker.count("actorfleet-contract")).toBe(2);
    await Promise.all(got.slice(2).map((delivery) => delivery.ack()));
    expect(broker.count("actorfleet-contract")).toBe(0);
  });

  it("what comes back too often can be seen in the dead-letter queue, and what is delayed keeps its count but not its share of that", async () => {
    const queue = open();
    const got = await consume(queue, (delivery) => void delivery.nack(delivery.message?.executionId === "late" ? { delayMs: 1 } : {}));
    await queue.publish([message("often")]);
    await expect.poll(() => queue.listPutAside({ name }), { timeout: 5_000 }).toHaveLength(1);
    expect((await queue.listPutAside({ name }))[0]).toMatchObject({ reason: "MaxDeliveryCountExceeded" });
    expect(got.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 2, 3]);
    await queue.publish([message("late")]);
    await expect.poll(() => got.length, { timeout: 5_000, interval: 5 }).toBeGreaterThanOrEqual(8);
    expect(got.slice(3, 8).map(({ deliveryCount }) => deliveryCount)).toEqual([1, 2, 3, 4, 5]);
    expect(await queue.listPutAside({ name })).toHaveLength(1);
  });

  it("a message that is too large is reported as such, and the others are taken", async () => {
    const reports = await open().publish([message("a"), message("x".repeat(300_000)), message("b")]);
    expect(reports.map((report) => report.published || report.reason)).toEqual([true, "tooLarge", true]);
    expect(await open().publish([message("x".repeat(300_000))])).toMatchObject([{ published: false, reason: "tooLarge" }]);
    expect(broker.count("actorfleet-contract")).toBe(2);
  });

  it("a server that is away is reported, is found again, and holds up no close", async () => {
    const errors: unknown[] = [];
    const queue = open({ onError: (error) => void errors.push(error) });
    const got = await consume(queue, (delivery) => void delivery.ack().catch(nothing));
    await broker.stop();
    expect(await queue.publish([message("a")])).toMatchObject([
      { published: false, reason: "unavailable", cause: expect.any(StoreUnavailableError) },
    ]);
    await expect(consume(open(), nothing)).rejects.toThrow(StoreUnavailableError);
    await expect.poll(() => errors.length, { timeout: 5_000 }).toBeGreaterThan(0);
    expect(errors.filter((error) => !(error instanceof StoreUnavailableError))).toEqual([]);
    await broker.start();
    await expect.poll(async () => (await queue.publish([message("b")]))[0], { timeout: 10_000 }).toEqual({ published: true });
    await expect.poll(() => got.at(-1)?.message?.executionId, { timeout: 10_000 }).toBe("b");
    await broker.stop();
    const startedAt = performance.now();
    await queue.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  }, 40_000);

  it("a connection that is dead without a word holds up no call and no close", async () => {
    const proxy = await TcpProxy.listen(broker.port);
    const queue = open({ connectionString: broker.connectionString(proxy.port), operationTimeoutMs: 1_000 });
    const got = await consume(queue, nothing, 60_000);
    await queue.publish([message("a")]);
    await count(got, 1);
    proxy.freeze({ newOnes: true });
    expect(await queue.publish([message("b")])).toMatchObject([{ published: false, reason: "unavailable" }]);
    await got[0]?.ack().catch((error) => expect(error).toBeInstanceOf(StoreUnavailableError));
    const startedAt = performance.now();
    await queue.close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await proxy.close();
  }, 20_000);

  it("a queue that is not there is told as what it is", async () => {
    const queue = open();
    await expect(queue.publish([{ name: "missing", executionId: "a" }])).rejects.toMatchObject({ code: "MessagingEntityNotFound" });
    await expect(queue.consume({ name: "missing", visibilityTimeoutMs: 1_000, maxInFlight: 1 }, nothing)).rejects.toMatchObject({
      code: "MessagingEntityNotFound",
    });
  });

  it("a client of the caller is used and stays open", async () => {
    const client = new ServiceBusClient(broker.connectionString());
    const queue = open({ client });
    await queue.publish([message("a")]);
    await queue.close();
    await client.createSender(toServiceBusQueueName(name)).sendMessages({ body: "still open" });
    expect(broker.count("actorfleet-contract")).toBe(2);
    await client.close();
  });

  it("wrong options are refused", () => {
    expect(() => createServiceBusQueue({})).toThrow("connectionString");
    expect(() => createServiceBusQueue({ client: {} as never })).toThrow("client");
    expect(() => open({ namePrefix: "-" })).toThrow("namePrefix");
    expect(() => open({ operationTimeoutMs: 0 })).toThrow("operationTimeoutMs");
    expect(() => open({ url: "x" } as never)).toThrow("url");
  });
});
