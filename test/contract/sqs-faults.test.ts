import { once } from "node:events";
import { createServer, type Server } from "node:net";
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteQueueCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createSqsQueue, type SqsQueueOptions } from "../../src/adapters/aws/index.ts";
import { createSystemClock } from "../../src/core/system-clock.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../src/model/errors.ts";
import { StoreUnavailableError, UnsupportedOperationError } from "../../src/model/store-errors.ts";
import type { Delivery, ExecutionQueue, PublishReport, QueueMessage } from "../../src/ports/execution-queue.ts";
import { type SqsServer, startSqs } from "../support/sqs-server.ts";

const name = "reports";

let server: SqsServer;
let client: SQSClient;
let namePrefix: string;
let tests = 0;
let opened: ExecutionQueue[];
let errors: unknown[];

beforeAll(async () => {
  server = await startSqs();
}, 60_000);
afterAll(() => server?.remove(), 60_000);
beforeEach(() => {
  tests += 1;
  namePrefix = `test${tests}-`;
  opened = [];
  errors = [];
  client = new SQSClient(server.access);
});
afterEach(async () => {
  await Promise.all(opened.map((queue) => queue.close()));
  client.destroy();
});

function open(options: SqsQueueOptions = {}): ExecutionQueue {
  const onError = (error: unknown) => void errors.push(error);
  const queue = createSqsQueue({ ...(options.client === undefined && server.access), namePrefix, onError, ...options });
  opened.push(queue);
  return queue;
}

/** The same client, seen and answered in between. */
function spying(answer: (command: object) => unknown = () => undefined) {
  const sent: object[] = [];
  const spy = {
    send: async (command: object, options?: { abortSignal?: AbortSignal }) => {
      sent.push(command);
      return answer(command) ?? client.send(command as ReceiveMessageCommand, options);
    },
    destroy: () => client.destroy(),
  };
  const of = <Command>(kind: abstract new (...input: never[]) => Command) =>
    sent.filter((each): each is Command & object => each instanceof kind);
  return { spy, of };
}

async function consume(queue: ExecutionQueue, { maxInFlight = 10, visibilityTimeoutMs = 120_000 } = {}) {
  const deliveries: Delivery[] = [];
  const consumer = await queue.consume({ name, maxInFlight, visibilityTimeoutMs }, (delivery) => void deliveries.push(delivery));
  const count = (number: number) => expect.poll(() => deliveries.length, { timeout: 20_000, interval: 5 }).toBeGreaterThanOrEqual(number);
  return { deliveries, consumer, count };
}

const messagesOf = (...ids: string[]): QueueMessage[] => ids.map((executionId) => ({ name, executionId }));
const numbered = (count: number) => messagesOf(...Array.from({ length: count }, (_, index) => `e${index}`));
const idsOf = (deliveries: readonly Delivery[]) => deliveries.map(({ message }) => message?.executionId);
const urlOf = async (queueName: string) => (await client.send(new GetQueueUrlCommand({ QueueName: queueName }))).QueueUrl;

describe("a service that is killed", () => {
  test("and comes back has what it had accepted, and consumers go on", async () => {
    const queue = open({ operationTimeoutMs: 2_000 });
    const got = await consume(queue);
    const reports = [...(await queue.publish(numbered(8)))];
    await got.count(8);
    await Promise.all(got.deliveries.slice(0, 4).map((delivery) => delivery.ack()));
    await server.crash();
    const lost = await queue.publish(messagesOf("nobody"));
    expect(lost).toEqual([{ published: false, reason: "unavailable", cause: expect.any(StoreUnavailableError) }]);
    await expect(got.deliveries[4]?.ack()).rejects.toThrow(StoreUnavailableError);
    await expect(got.deliveries[5]?.extend(60_000)).rejects.toThrow(StoreUnavailableError);
    await server.start();
    reports.push(...(await queue.publish(messagesOf("after"))));
    expect(new Set(reports.map(({ published }) => published))).toEqual(new Set([true]));
    await got.count(9);
    expect(idsOf(got.deliveries.slice(8))).toContain("after");
    // What is on loan still is.
    expect(await got.deliveries[6]?.extend(60_000)).toBe(true);
    expect(errors).toEqual([]);
  }, 60_000);

  test("holds up no close", async () => {
    const queue = open();
    const got = await consume(queue);
    await queue.publish(numbered(3));
    await got.count(3);
    await server.crash();
    const before = performance.now();
    await queue.close();
    expect(performance.now() - before).toBeLessThan(2_000);
    await expect(queue.publish(numbered(1))).rejects.toThrow(CoordinatorClosedError);
    await got.deliveries[0]?.ack();
    await server.start();
  }, 30_000);
});

describe("a service that takes connections and says nothing", () => {
  let mute: Server;
  let endpoint: string;
  beforeEach(async () => {
    mute = createServer((socket) => socket.on("error", () => {}).resume());
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const address = mute.address();
    endpoint = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  });
  afterEach(async () => {
    await Promise.all(opened.map((queue) => queue.close()));
    await new Promise((resolve) => mute.close(resolve));
  });

  test("is given up after operationTimeoutMs, and holds up no close", async () => {
    const queue = open({ endpoint, operationTimeoutMs: 200 });
    const [report] = await queue.publish(numbered(1));
    expect(report).toMatchObject({ published: false, reason: "unavailable" });
    expect((report as { cause: Error }).cause.message).toMatch("no answer within 200 ms");
    await expect(consume(queue)).rejects.toThrow(StoreUnavailableError);
    const hanging = createSqsQueue({ ...server.access, endpoint });
    const asked = once(mute, "connection");
    const publishing = hanging.publish(numbered(1));
    await asked;
    const before = performance.now();
    await hanging.close();
    expect(performance.now() - before).toBeLessThan(1_500);
    await expect(publishing.then(([only]) => only)).resolves.toMatchObject({ published: false, reason: "unavailable" });
  });
});

test("of a batch that was taken in part, each message has its own report", async () => {
  const { spy, of } = spying((command) => {
    if (!(command instanceof SendMessageBatchCommand)) return undefined;
    const { Entries = [] } = (command as SendMessageBatchCommand).input;
    const ids = Entries.map(({ MessageBody = "" }) => (JSON.parse(MessageBody) as QueueMessage).executionId);
    const failed = ids.flatMap((id, index) => {
      if (id === "e3") return [{ Id: `${index}`, SenderFault: true, Code: "InvalidParameterValue", Message: "too long" }];
      return id === "e12" ? [{ Id: `${index}`, SenderFault: false, Code: "InternalError", Message: "a disk is full" }] : [];
    });
    const unmentioned = ids.indexOf("e24");
    const Successful = Entries.filter((_, index) => index !== unmentioned && !failed.some(({ Id }) => Id === `${index}`));
    return { Successful, Failed: failed };
  });
  const reports = await open({ client: spy }).publish(numbered(25));
  expect(of(SendMessageBatchCommand).map(({ input }) => input.Entries?.length)).toEqual([10, 10, 5]);
  const failures = reports.flatMap((report, index) => (report.published ? [] : [[index, report.reason, (report.cause as Error).message]]));
  expect(failures).toEqual([
    [3, "tooLarge", expect.stringContaining("too long")],
    [12, "unavailable", expect.stringContaining("a disk is full")],
    [24, "unavailable", expect.stringContaining("not mentioned")],
  ] satisfies [number, Exclude<PublishReport, { published: true }>["reason"], string][]);
});

test("a batch that fails fails alone, and what is refused altogether rejects", async () => {
  const broken = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  let batches = 0;
  const { spy } = spying((command) => {
    if (!(command instanceof SendMessageBatchCommand)) return undefined;
    batches += 1;
    return batches === 2 ? Promise.reject(broken) : undefined;
  });
  const reports = await open({ client: spy }).publish(numbered(30));
  expect(reports.filter(({ published }) => published)).toHaveLength(20);
  expect(reports.filter((report) => !report.published && report.reason === "unavailable")).toHaveLength(10);

  const denied = Object.assign(new Error("not authorized"), { name: "AccessDenied", $fault: "client" });
  const { spy: refusing } = spying(() => Promise.reject(denied));
  await expect(open({ client: refusing }).publish(numbered(1))).rejects.toBe(denied);
  await expect(consume(open({ client: refusing }))).rejects.toBe(denied);
});

test("large batches are parted, and what is larger than SQS takes is not sent", async () => {
  const { spy, of } = spying();
  const long = (id: string, bytes: number): QueueMessage => ({ name, executionId: id, group: "x".repeat(bytes) });
  const reports = await open({ client: spy }).publish([long("a", 150_000), long("b", 300_000), long("c", 150_000), long("d", 1)]);
  expect(reports.map((report) => report.published || report.reason)).toEqual([true, "tooLarge", true, true]);
  expect(of(SendMessageBatchCommand).map(({ input }) => input.Entries?.length)).toEqual([1, 2]);
});

test("delays are whole seconds, as long as SQS keeps them", async () => {
  const { spy, of } = spying();
  const delays = [undefined, 0, 1, 1_001, 900_000, 900_001, 86_400_000];
  const messages = delays.map((delayMs, index) => ({ name, executionId: `e${index}`, ...(delayMs !== undefined && { delayMs }) }));
  await open({ client: spy }).publish(messages);
  const entries = of(SendMessageBatchCommand).flatMap(({ input }: { input: SendMessageBatchCommandInput }) => input.Entries ?? []);
  expect(entries.map(({ DelaySeconds }) => DelaySeconds)).toEqual([undefined, undefined, 1, 2, 900, 900, 900]);
});

test("a loan that is over removes nothing: somebody else may have the message", async () => {
  const { spy, of } = spying();
  const mine = await consume(open({ client: spy }), { maxInFlight: 1, visibilityTimeoutMs: 1_000 });
  await open().publish(messagesOf("a"));
  await mine.count(1);
  await mine.consumer.close();
  const theirs = await consume(open());
  await theirs.count(1);
  for (const settle of ["ack", "nack"] as const) await mine.deliveries[0]?.[settle]();
  await mine.deliveries[0]?.putAside("too late");
  expect(await mine.deliveries[0]?.extend(60_000)).toBe(false);
  expect([of(DeleteMessageBatchCommand), of(SendMessageBatchCommand), of(ChangeMessageVisibilityCommand)]).toEqual([[], [], []]);
  expect(await theirs.deliveries[0]?.extend(60_000)).toBe(true);
}, 20_000);

test("acknowledgements of one tick are one request for ten, and a consumer without room makes none", async () => {
  const { spy, of } = spying();
  const queue = open({ client: spy });
  const got = await consume(queue, { maxInFlight: 12 });
  await queue.publish(numbered(12));
  await got.count(12);
  const asked = of(ReceiveMessageCommand).length;
  // It could have asked many times meanwhile.
  for (let times = 0; times < 5; times++) await urlOf(`${namePrefix}${name}`);
  expect(of(ReceiveMessageCommand)).toHaveLength(asked);
  expect(of(ReceiveMessageCommand).every(({ input }) => input.WaitTimeSeconds === 20 && (input.MaxNumberOfMessages ?? 0) <= 10)).toBe(true);
  got.consumer.setMaxInFlight(0);
  await Promise.all(got.deliveries.map((delivery) => delivery.ack()));
  expect(of(DeleteMessageBatchCommand).map(({ input }) => input.Entries?.length)).toEqual([10, 2]);
  expect(of(ReceiveMessageCommand)).toHaveLength(asked);
});

test("what comes when there is no more room goes back at once", async () => {
  const queue = open();
  const got = await consume(queue, { maxInFlight: 1, visibilityTimeoutMs: 60_000 });
  got.consumer.setMaxInFlight(0);
  await queue.publish(messagesOf("a"));
  const other = await consume(open(), { visibilityTimeoutMs: 60_000 });
  await other.count(1);
  expect(got.deliveries).toEqual([]);
}, 30_000);

test("a queue that was deleted is made anew; with create: false its absence is told", async () => {
  const queue = open();
  const got = await consume(queue);
  await client.send(new DeleteQueueCommand({ QueueUrl: await urlOf(`${namePrefix}${name}`) }));
  await expect.poll(async () => (await queue.publish(messagesOf("a")))[0]?.published, { timeout: 5_000 }).toBe(true);
  await got.count(1);

  const strict = open({ create: false, namePrefix: "nowhere-" });
  const missing = { name: "QueueDoesNotExist" };
  await expect(strict.publish(messagesOf("a"))).rejects.toMatchObject(missing);
  await expect(consume(strict)).rejects.toMatchObject(missing);
  expect(await urlOf("nowhere-reports").catch(({ name: error }: Error) => error)).toBe("QueueDoesNotExist");
}, 30_000);

test("what is put aside is in the queue for it, with the reason", async () => {
  const takeAside = async (QueueName: string) => {
    const request = { QueueUrl: await urlOf(QueueName), WaitTimeSeconds: 5, MessageAttributeNames: ["All"] };
    const { Messages = [] } = await client.send(new ReceiveMessageCommand(request));
    return Messages.map(({ Body = "", MessageAttributes }) => [Body.includes('"a"'), MessageAttributes?.reason?.StringValue]);
  };
  for (const options of [{}, { fifo: true }, { deadLetterQueue: "everything-dead" }]) {
    // What a closed one had asked for may still take messages.
    namePrefix += "x";
    const queue = open(options);
    const got = await consume(queue);
    await queue.publish(messagesOf("a"));
    await got.count(1);
    await got.deliveries[0]?.putAside("nobody\u0000 knows it");
    const { deadLetterQueue = `${namePrefix}${name}-aside${options.fifo === true ? ".fifo" : ""}` } = options;
    expect(await takeAside(deadLetterQueue)).toEqual([[true, "nobody  knows it"]]);
    const looking = queue.listPutAside({ name });
    await expect(looking).rejects.toThrow(UnsupportedOperationError);
    await expect(looking).rejects.toThrow(deadLetterQueue);
    await queue.close();
  }
}, 30_000);

test("a client of the caller's stays open", async () => {
  const queue = open({ client });
  const got = await consume(queue);
  await queue.publish(messagesOf("a"));
  await got.count(1);
  await queue.close();
  expect(await urlOf(`${namePrefix}${name}`)).toContain(namePrefix);
});

test("a process that stood still past its loan removes nothing", async () => {
  let frozenMs = 0;
  const system = createSystemClock();
  const { spy, of } = spying();
  const clock = { ...system, monotonicNow: () => system.monotonicNow() + frozenMs };
  const queue = open({ client: spy, clock });
  const got = await consume(queue, { visibilityTimeoutMs: 5_000 });
  await queue.publish(messagesOf("a"));
  await got.count(1);
  frozenMs = 5_000;
  await got.deliveries[0]?.ack();
  expect(of(DeleteMessageBatchCommand)).toEqual([]);
});

test("any name and id gets through", async () => {
  const queue = open();
  const strange = ["a b/ü€😀\u0000", "\uFFFF\uFFFE", "x".repeat(500), "reports-aside", "_5f", ""];
  for (const each of strange) {
    const got: Delivery[] = [];
    await queue.consume({ name: each, maxInFlight: 5, visibilityTimeoutMs: 5_000 }, (delivery) => void got.push(delivery));
    expect(await queue.publish([{ name: each, executionId: each, group: each }])).toEqual([{ published: true }]);
    await expect.poll(() => got.map(({ message }) => message)).toEqual([{ name: each, executionId: each, group: each }]);
    await got[0]?.ack();
  }
}, 30_000);

test.each([
  ["client", { client: {} }],
  ["region", { region: 3 }],
  ["credentials.secretAccessKey", { credentials: { accessKeyId: "a" } }],
  ["namePrefix", { namePrefix: "a.b" }],
  ["namePrefix", { namePrefix: "a".repeat(41) }],
  ["waitMs", { waitMs: 0 }],
  ["waitMs", { waitMs: 1_500 }],
  ["waitMs", { waitMs: 21_000 }],
  ["operationTimeoutMs", { operationTimeoutMs: 0 }],
  ["fifo", { fifo: "yes" }],
  ["urls", { urls: [] }],
])("%s: options that cannot be are refused by name (%j)", (field, options) => {
  const attempt = () => createSqsQueue(options as SqsQueueOptions);
  expect(attempt).toThrow(InvalidOptionsError);
  expect(attempt).toThrow(new RegExp(`^${field.replace(".", "\\.")}: `));
});
