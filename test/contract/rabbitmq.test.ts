import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { Connection } from "rabbitmq-client";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { rabbitmqNames } from "../../src/adapters/rabbitmq/rabbitmq-names.ts";
import { createRabbitmqQueue, type RabbitmqQueueOptions } from "../../src/adapters/rabbitmq/rabbitmq-queue.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import { StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionQueue, QueueMessage } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { brokerWorld, passing } from "../support/contract-worlds.ts";
import { describeWithRabbitmq } from "../support/describe-with-rabbitmq.ts";
import { Opened } from "../support/opened.ts";
import { type RabbitmqServer, startRabbitmq } from "../support/rabbitmq-server.ts";
import { type ReceivedOptions, received } from "../support/received.ts";
import { TcpProxy } from "../support/tcp-proxy.ts";
import { timersLeft } from "../support/test-traces.ts";

const startLimitMs = 120_000;
const limitMs = 60_000;
const name = "n";
const message = (executionId: string, fields: Partial<QueueMessage> = {}): QueueMessage => ({ name, executionId, ...fields });
const consume = (queue: ExecutionQueue, options: Partial<ReceivedOptions> = {}) => received(queue, { name, ...options });
const eventually = { timeout: 30_000, interval: 20 };

describeWithRabbitmq("RabbitMQ queue", () => {
  let server: RabbitmqServer;
  let prefixes = 0;
  const opened = new Opened();
  let prefixOfDelayed: string;
  beforeAll(async () => {
    server = await startRabbitmq();
  }, startLimitMs);
  afterEach(async () => {
    await opened.close();
    await server.start();
  }, startLimitMs);
  afterAll(() => server?.remove(), 30_000);

  const newPrefix = () => `test${++prefixes}`;
  const namePrefix = () => `test${prefixes}`;
  const openQueue = (options: Partial<RabbitmqQueueOptions> = {}): ExecutionQueue =>
    opened.add(createRabbitmqQueue({ url: server.url, namePrefix: namePrefix(), ...options }));
  const openProxy = async () => {
    const proxy = opened.add(await TcpProxy.listen(server.port));
    return { proxy, url: `amqp://guest:guest@127.0.0.1:${proxy.port}` };
  };

  describe("keeps the contract", () => {
    const contract = executionQueueContract(async () => {
      const own = { url: server.url, namePrefix: newPrefix() };
      const routingKeyOf = (to: string) => rabbitmqNames(own.namePrefix).work(to);
      return brokerWorld(
        () => createRabbitmqQueue(own),
        2_000,
        (to, raw) => asAnother(server, (channel) => channel.basicPublish({ routingKey: routingKeyOf(to), durable: true }, raw)),
      );
    });
    contractAtOnce(contract);
  });

  test(
    "a broker that has forgotten everything is told again what it needs",
    async () => {
      newPrefix();
      const queue = openQueue({ operationTimeoutMs: 3_000 });
      const got = await consume(queue, { acks: true });
      await queue.publish([message("a", { delayMs: 1 })]);
      await expect.poll(() => got.ids.has("a"), eventually).toBe(true);
      await server.crash();
      server.forget();
      await server.start();
      await expect
        .poll(
          async () => (await queue.publish([message("b"), message("c", { delayMs: 1 })])).every(({ published }) => published),
          eventually,
        )
        .toBe(true);
      await expect.poll(() => [...got.ids.keys()], eventually).toEqual(expect.arrayContaining(["b", "c"]));
    },
    startLimitMs,
  );

  test(
    "what it confirmed survives a kill -9 while it is published to and consumed from",
    async () => {
      prefixOfDelayed = newPrefix();
      const delayed = openQueue();
      // Due when the broker is there again: what becomes due while it starts may be late by three minutes, after which it tries again.
      await delayed.publish([message("late", { delayMs: 32_768 })]);
      newPrefix();
      const queue = openQueue({ operationTimeoutMs: 3_000 });
      const got = await consume(queue, { acks: true });
      const confirmed: string[] = [];
      const refused: string[] = [];
      let count = 0;
      const publishSome = async () => {
        const ids = Array.from({ length: 20 }, () => `e${++count}`);
        const reports = await queue.publish(ids.map((id) => message(id)));
        for (const [index, report] of reports.entries()) (report.published ? confirmed : refused).push(ids[index] as string);
      };
      // A quorum queue of 3.10.8 that was declared less than a second before a kill -9 never finds a leader again.
      for (const startedAt = performance.now(); performance.now() - startedAt < 3_000; ) await publishSome();
      const through = (async () => {
        while (refused.length === 0) await publishSome();
      })();
      await server.crash();
      await through;
      const askedAt = performance.now();
      expect(await queue.publish([message("down")])).toMatchObject([{ published: false, reason: "unavailable" }]);
      expect(performance.now() - askedAt).toBeLessThan(10_000);
      await expect(queue.consume({ name: "other", maxInFlight: 1, visibilityTimeoutMs: 1_000 }, () => {})).rejects.toThrow(
        StoreUnavailableError,
      );
      await server.start();
      await expect.poll(async () => (await queue.publish([message("after")]))[0]?.published, eventually).toBe(true);
      await expect.poll(() => got.ids.has("after"), eventually).toBe(true);
      await expect.poll(() => confirmed.filter((id) => !got.ids.has(id)), eventually).toEqual([]);
      expect(confirmed.length).toBeGreaterThanOrEqual(200);
    },
    startLimitMs,
  );

  test(
    "queues and exchanges that were deleted under it are there again",
    async () => {
      newPrefix();
      const names = rabbitmqNames(namePrefix());
      const queue = openQueue();
      const got = await consume(queue, { acks: true });
      await queue.publish([message("a", { delayMs: 1 })]);
      await expect.poll(() => got.ids.has("a"), eventually).toBe(true);
      await asAnother(server, async (channel) => {
        await channel.queueDelete({ queue: names.work(name) });
        await channel.exchangeDelete({ exchange: names.delay(0) });
        await channel.queueDelete({ queue: names.delay(0) });
      });
      expect(await queue.publish([message("b"), message("c", { delayMs: 1 })])).toEqual([{ published: true }, { published: true }]);
      await expect.poll(() => [...got.ids.keys()], eventually).toEqual(expect.arrayContaining(["b", "c"]));
    },
    limitMs,
  );

  test(
    "connections cut again and again while it publishes, consumes and settles: what was confirmed arrives",
    async () => {
      newPrefix();
      const { proxy, url } = await openProxy();
      const queue = openQueue({ url, operationTimeoutMs: 3_000 });
      const got = await consume(queue, { acks: true, maxInFlight: 5 });
      const confirmed: string[] = [];
      let isOver = false;
      let count = 0;
      const publishing = (async () => {
        while (!isOver) {
          const ids = Array.from({ length: 10 }, () => `e${++count}`);
          const reports = await queue.publish(ids.map((id, index) => message(id, index === 0 ? { delayMs: 50 } : {})));
          confirmed.push(...ids.filter((_, index) => reports[index]?.published));
        }
      })();
      for (let cuts = 0; cuts < 15; cuts++) {
        const before = got.ids.size;
        await expect.poll(() => got.ids.size, eventually).toBeGreaterThan(before + 20);
        proxy.cut();
      }
      isOver = true;
      await publishing;
      await expect.poll(() => confirmed.filter((id) => !got.ids.has(id)), eventually).toEqual([]);
      expect(await queue.publish([message("last")])).toEqual([{ published: true }]);
      await expect.poll(() => got.ids.has("last"), eventually).toBe(true);
    },
    limitMs,
  );

  test(
    "a connection that is dead without telling is given up: publishing at once, consuming when signs of life are missing",
    async () => {
      newPrefix();
      const { proxy, url } = await openProxy();
      const queue = openQueue({ url, operationTimeoutMs: 1_000 });
      const got = await consume(queue, { acks: true });
      await queue.publish([message("a")]);
      await expect.poll(() => got.ids.has("a"), eventually).toBe(true);
      proxy.freeze({ newOnes: false });
      expect(await queue.publish([message("b")])).toMatchObject([{ published: false, reason: "unavailable" }]);
      expect(await queue.publish([message("c")])).toEqual([{ published: true }]);
      await expect.poll(() => got.ids.has("c"), eventually).toBe(true);
    },
    limitMs,
  );

  test(
    "settling after the loan was lost with its connection does nothing",
    async () => {
      newPrefix();
      const { proxy, url } = await openProxy();
      const queue = openQueue({ url });
      const got = await consume(queue);
      await queue.publish([message("a"), message("b")]);
      await expect.poll(() => got.deliveries.length, eventually).toBe(2);
      proxy.cut();
      await expect.poll(() => got.deliveries.length, eventually).toBe(4);
      const [first, second] = got.deliveries;
      expect(await first?.extend(1_000)).toBe(false);
      await first?.ack();
      await second?.nack({ delayMs: 10 });
      await second?.putAside("too late");
      const [third, fourth] = got.deliveries.slice(2);
      expect([third?.deliveryCount, await third?.extend(1_000)]).toEqual([2, true]);
      await third?.ack();
      await fourth?.ack();
      expect(await queue.listPutAside({ name })).toEqual([]);
    },
    limitMs,
  );

  test(
    "a closed queue does not wait for a dead broker, and ends the calls under way",
    async () => {
      newPrefix();
      const { proxy, url } = await openProxy();
      const queue = openQueue({ url });
      await consume(queue);
      await queue.publish([message("a")]);
      proxy.freeze({ newOnes: true });
      const late = queue.publish([message("b")]);
      const startedAt = performance.now();
      await queue.close();
      expect(performance.now() - startedAt).toBeLessThan(9_000);
      expect(await late).toMatchObject([{ published: false, reason: "unavailable" }]);
      await expect(queue.publish([message("c")])).rejects.toThrow(CoordinatorClosedError);
    },
    limitMs,
  );

  test(
    "acknowledgements that were held back for want of room are given in the end",
    async () => {
      newPrefix();
      const [queue, other] = [openQueue(), openQueue()];
      const got = await consume(queue, { maxInFlight: 2 });
      await queue.publish([message("a"), message("b"), message("c")]);
      await expect.poll(() => got.deliveries.length, eventually).toBe(2);
      got.consumer.setMaxInFlight(0);
      for (const delivery of got.deliveries) await delivery.ack();
      await passing(200);
      expect(got.deliveries.length).toBe(2);
      got.consumer.setMaxInFlight(1);
      await expect.poll(() => got.deliveries.length, eventually).toBe(3);
      await queue.close();
      const theirs = await consume(other, { acks: true });
      await other.publish([message("d")]);
      await expect.poll(() => [...theirs.ids.keys()].sort(), eventually).toEqual(["c", "d"]);
    },
    limitMs,
  );

  test(
    "room that comes and goes with every message: each is handed out, and never more than there is room for",
    async () => {
      newPrefix();
      const queue = openQueue();
      let room = 8;
      let most = 0;
      let running = 0;
      const ended = new Set<string>();
      const consumer = await queue.consume({ name, maxInFlight: room, visibilityTimeoutMs: 60_000 }, (delivery) => {
        // As a worker does: a slot is taken, the message is settled a little later, and later still the slot is free.
        running += 1;
        most = Math.max(most, running);
        consumer?.setMaxInFlight(--room);
        setTimeout(() => void delivery.ack(), running % 3);
        setTimeout(
          () => {
            running -= 1;
            ended.add(delivery.message?.executionId as string);
            consumer.setMaxInFlight(++room);
          },
          5 + (running % 7),
        );
      });
      const ids = Array.from({ length: 500 }, (_, index) => `e${index}`);
      await queue.publish(ids.map((id) => message(id)));
      await expect.poll(() => ended.size, eventually).toBe(500);
      await expect.poll(() => running, eventually).toBe(0);
      expect(most).toBeLessThanOrEqual(9);
      const [rest] = await Promise.all([consume(openQueue()), consumer.close()]);
      await queue.publish([message("last")]);
      await expect.poll(() => [...rest.ids.keys()], eventually).toEqual(["last"]);
    },
    limitMs,
  );

  test(
    "a consumer that pauses leaves what comes to others",
    async () => {
      newPrefix();
      const [queue, other] = [openQueue(), openQueue()];
      const got = await consume(queue, { maxInFlight: 5 });
      const theirs = await consume(other, { acks: true, maxInFlight: 5 });
      got.consumer.setMaxInFlight(0);
      await queue.publish(Array.from({ length: 10 }, (_, index) => message(`e${index}`)));
      await expect.poll(() => theirs.ids.size, eventually).toBe(10);
      expect(got.deliveries.length).toBe(0);
    },
    limitMs,
  );

  test(
    "delays are kept side by side, whatever steps they take",
    async () => {
      newPrefix();
      const queue = openQueue();
      const got = await consume(queue, { acks: true, maxInFlight: 100 });
      const delays = Array.from({ length: 40 }, (_, index) => 1 + ((index * 977) % 3_000));
      const publishedAt = Date.now();
      const reports = await queue.publish([
        ...delays.map((delayMs) => message(`${delayMs}`, { delayMs })),
        message("ages", { delayMs: 2 ** 40 }),
      ]);
      expect(reports.every(({ published }) => published)).toBe(true);
      await expect.poll(() => got.ids.size, eventually).toBe(40);
      for (const [id, at] of got.ids) expect(at - publishedAt, id).toBeGreaterThanOrEqual(Number(id) - 5);
      expect(got.ids.has("ages")).toBe(false);
    },
    limitMs,
  );

  test(
    "deliveries are counted on when a message is delayed",
    async () => {
      newPrefix();
      const queue = openQueue();
      const got = await consume(queue, { maxInFlight: 1 });
      await queue.publish([message("a")]);
      for (let count = 1; count <= 4; count++) {
        await expect.poll(() => got.deliveries.length, eventually).toBe(count);
        await got.deliveries[count - 1]?.nack(count % 2 === 0 ? { delayMs: 20 } : {});
      }
      await expect.poll(() => got.deliveries.length, eventually).toBe(5);
      expect(got.deliveries.map(({ deliveryCount }) => deliveryCount)).toEqual([1, 2, 3, 4, 5]);
    },
    limitMs,
  );

  test(
    "what is refused more often than the broker allows is put aside, not lost",
    async () => {
      newPrefix();
      await server.control("set_policy", "few", `^${namePrefix()}\\.work\\.`, '{"delivery-limit":2}', "--apply-to", "queues");
      const queue = openQueue();
      const consumer = await queue.consume({ name, maxInFlight: 1, visibilityTimeoutMs: 1_000 }, (delivery) => void delivery.nack());
      await queue.publish([message("a")]);
      await expect.poll(() => queue.listPutAside({ name }), eventually).toMatchObject([{ reason: "delivery_limit" }]);
      await consumer.close();
    },
    limitMs,
  );

  test(
    "what was put aside is listed in order, as much as is asked for, and stays",
    async () => {
      newPrefix();
      const queue = openQueue();
      const got = await consume(queue);
      await queue.publish(["a", "b", "c"].map((id) => message(id)));
      await expect.poll(() => got.deliveries.length, eventually).toBe(3);
      for (const delivery of got.deliveries) await delivery.putAside(`no ${delivery.message?.executionId}`);
      const looks = await Promise.all([queue.listPutAside({ name }), queue.listPutAside({ name, limit: 2 }), queue.listPutAside({ name })]);
      expect(looks.map((look) => look.map(({ reason }) => reason))).toEqual([
        ["no a", "no b", "no c"],
        ["no a", "no b"],
        ["no a", "no b", "no c"],
      ]);
    },
    limitMs,
  );

  test(
    "names may hold any characters, and two never share a queue",
    async () => {
      newPrefix();
      const names = ["a.b", "a%2eb", "a/b", "#", "*", "ä", "\u{1F600}", "\ud83d", "\ud83e", "x".repeat(300), "x".repeat(301), "."];
      const mapped = names.map((each) => rabbitmqNames("p").work(each));
      expect(new Set(mapped).size).toBe(names.length);
      const queue = openQueue();
      const got = new Map<string, string[]>();
      for (const each of names) {
        const list: string[] = [];
        got.set(each, list);
        await queue.consume({ name: each, maxInFlight: 5, visibilityTimeoutMs: 1_000 }, (delivery) => {
          list.push(delivery.message?.executionId as string);
          void delivery.ack();
        });
      }
      await queue.publish(
        names.flatMap((each, index) => [
          { name: each, executionId: `${index}` },
          { name: each, executionId: `${index}`, delayMs: 10 },
        ]),
      );
      await expect.poll(() => [...got.values()], eventually).toEqual(names.map((_, index) => [`${index}`, `${index}`]));
    },
    limitMs,
  );

  test(
    "a message that is too large fails alone",
    async () => {
      newPrefix();
      const queue = openQueue();
      const reports = await queue.publish([message("a"), message("x".repeat(1_100_000)), message("b")]);
      expect(reports).toMatchObject([{ published: true }, { published: false, reason: "tooLarge" }, { published: true }]);
    },
    limitMs,
  );

  test(
    "a queue that somebody has declared otherwise is an error of its own, not an outage",
    async () => {
      newPrefix();
      await asAnother(server, (channel) => channel.queueDeclare({ queue: rabbitmqNames(namePrefix()).work(name), durable: true }));
      const queue = openQueue();
      await expect(queue.publish([message("a")])).rejects.toThrow("PRECONDITION_FAILED");
      await expect(queue.consume({ name, maxInFlight: 1, visibilityTimeoutMs: 1_000 }, () => {})).rejects.toThrow("PRECONDITION_FAILED");
      const stranger = openQueue({ url: server.url.replace("guest:guest", "guest:wrong"), operationTimeoutMs: 1_500 });
      await expect(stranger.publish([message("a")])).rejects.toThrow("ACCESS_REFUSED");
    },
    limitMs,
  );

  test(
    "what was delayed before the kill -9 comes when it is due, while all the tests after that have used the broker",
    async () => {
      const got = await consume(openQueue({ namePrefix: prefixOfDelayed }), { acks: true });
      await expect.poll(() => [...got.ids.keys()], eventually).toEqual(["late"]);
    },
    limitMs,
  );

  test("closed while it connects, it leaves neither the connection nor a timer behind", async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const ended: Promise<unknown>[] = [];
    silent.on("connection", (socket) => {
      socket.resume();
      ended.push(once(socket, "close"));
    });
    const queue = createRabbitmqQueue({ url: `amqp://127.0.0.1:${(silent.address() as AddressInfo).port}`, namePrefix: newPrefix() });
    const refused = expect(queue.publish([message("a")])).rejects.toThrow(CoordinatorClosedError);
    await expect.poll(() => ended.length, eventually).toBe(1);
    await queue.close();
    expect(timersLeft()).toEqual([]);
    await refused;
    await Promise.all(ended);
    silent.close();
  });

  test.each([
    ["url", { url: "http://localhost" }],
    ["url", { url: "" }],
    ["namePrefix", { namePrefix: "a.b" }],
    ["operationTimeoutMs", { operationTimeoutMs: 0 }],
    ["prefix", { prefix: "a" }],
  ])("options: %s is refused where it is wrong", (field, wrong) => {
    const make = () => createRabbitmqQueue({ url: "amqp://localhost", ...(wrong as object) });
    expect(make).toThrow(expect.objectContaining({ field }));
    expect(make).toThrow(InvalidOptionsError);
  });
});

type Channel = Awaited<ReturnType<Connection["acquire"]>>;

/** As somebody else's program would. */
async function asAnother({ url }: RabbitmqServer, does: (channel: Channel) => Promise<unknown>): Promise<void> {
  const connection = new Connection({ url });
  connection.on("error", () => {});
  const channel = await connection.acquire();
  await channel.confirmSelect();
  await does(channel);
  await channel.close();
  await connection.close();
}
