import { expect, test } from "vitest";
import { createDynamodbStore, createSqsQueue } from "../../../src/adapters/aws/index.ts";
import { createServiceBusQueue, createStorageQueue, createTableStore } from "../../../src/adapters/azure/index.ts";
import { createKafkaQueue } from "../../../src/adapters/kafka/index.ts";
import { createMemoryStore } from "../../../src/adapters/memory/index.ts";
import { createPostgresStore } from "../../../src/adapters/postgres/index.ts";
import { createRabbitmqQueue } from "../../../src/adapters/rabbitmq/index.ts";
import { createRedisBackend, createRedisQueue, createRedisStore } from "../../../src/adapters/redis/index.ts";
import { createSqliteStore } from "../../../src/adapters/sqlite/index.ts";
import { createDurableCoordinator, InvalidOptionsError, SettingsError } from "../../../src/index.ts";
import { createSweepHandler } from "../../../src/serverless/index.ts";

const functions = [
  ...["call", "callBuffer", "duplicate", "on", "send", "destroy", "createSender", "createReceiver", "acceptNextSession", "close"],
  ...["getQueueClient", "getEntity", "createEntity", "updateEntity", "deleteEntity", "submitTransaction", "listEntities"],
];
const anyClient = Object.fromEntries(functions.map((name) => [name, () => {}]));
const url = "redis://user:secret@nowhere";
const connectionString = "Endpoint=sb://nowhere;SharedAccessKey=secret;AccountKey=secret";

/** What each is made with, where it has to be given something. */
const factories: readonly [name: string, create: (options: never) => unknown, good: object][] = [
  ["createRedisStore", createRedisStore, { url }],
  ["createRedisQueue", createRedisQueue, { url }],
  ["createRedisBackend", createRedisBackend, { url }],
  ["createRabbitmqQueue", createRabbitmqQueue, { url: "amqp://user:secret@nowhere" }],
  ["createKafkaQueue", createKafkaQueue, { brokers: "nowhere:9092" }],
  ["createServiceBusQueue", createServiceBusQueue, { connectionString }],
  ["createStorageQueue", createStorageQueue, { connectionString }],
  ["createTableStore", createTableStore, { connectionString }],
  ["createSqsQueue", createSqsQueue, {}],
  ["createDynamodbStore", createDynamodbStore, {}],
  ["createPostgresStore", createPostgresStore, {}],
];

test.each(factories)("%s refuses what is no options, and times that are none", (_, create, good) => {
  for (const wrong of [null, 5, "text", [], ...(Object.keys(good).length === 0 ? [] : [undefined, {}])])
    expect(() => create(wrong as never)).toThrow(InvalidOptionsError);
  for (const operationTimeoutMs of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, "1", null]) {
    const refused = expect.objectContaining({ name: "InvalidOptionsError", field: "operationTimeoutMs" });
    expect(() => create({ ...good, operationTimeoutMs } as never)).toThrow(refused);
  }
  for (const wrong of [{ surprise: 1 }, { clock: {} }, { clock: null }]) {
    const [field] = Object.keys(wrong);
    expect(() => create({ ...good, ...wrong } as never)).toThrow(expect.objectContaining({ name: "InvalidOptionsError", field }));
  }
});

test.each(factories.filter(([, , good]) => "url" in good || "connectionString" in good))(
  "%s shows no secret of what it refuses",
  (_, create, good) => {
    let refusal: unknown;
    try {
      create({ ...good, client: anyClient } as never);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(InvalidOptionsError);
    expect(`${refusal} ${JSON.stringify(refusal)} ${(refusal as InvalidOptionsError).received}`).not.toContain("secret");
  },
);

test("names that stores and queues could take for one another are refused", () => {
  const store = createMemoryStore();
  for (const name of ["", "\ud800", "a\udfffb", "a\0b", "x".repeat(513), 5, undefined]) {
    const refused = expect.objectContaining({ name: "InvalidOptionsError", field: "name" });
    expect(() => createDurableCoordinator({ name: name as string, store, orchestrator: async () => 1 })).toThrow(refused);
    expect(() => createSweepHandler({ name: name as string, store })).toThrow(refused);
  }
  expect(() => createSweepHandler({ name: "a", store, retention: { maxAgeMs: Number.NaN } })).toThrow("retention.maxAgeMs: expected");
  expect(() => createSweepHandler(undefined as never)).toThrow(InvalidOptionsError);
});

test.each([
  [undefined, "options"],
  [{}, "filename"],
  [{ filename: "" }, "filename"],
  [{ filename: "a", synchronous: "OFF" }, "synchronous"],
  [{ filename: "a", synchronous: "full" }, "synchronous"],
  [{ filename: "a", busyTimeout: 5 }, "busyTimeout"],
  [{ filename: "a", busyTimeoutMs: "a" }, "busyTimeoutMs"],
  [{ filename: "a", noticeDelayMs: Number.NaN }, "noticeDelayMs"],
  [{ filename: "a", clock: null }, "clock"],
])("createSqliteStore refuses %j by the name of %s", (options, field) => {
  expect(() => createSqliteStore(options as never)).toThrow(expect.objectContaining({ name: "InvalidOptionsError", field }));
});

test("settings that are none are refused when a durable coordinator is made, and not by what it starts", () => {
  const settings = { orchestration: { maxIteratons: 2 } } as object;
  const make = () => createDurableCoordinator({ name: "a", store: createMemoryStore(), orchestrator: async () => 1, settings });
  expect(make).toThrow(SettingsError);
});

test("a queue for what is put aside has a name that SQS takes", () => {
  for (const deadLetterQueue of ["", "a b", "x".repeat(81), "https://sqs/1/dead"])
    expect(() => createSqsQueue({ deadLetterQueue })).toThrow(expect.objectContaining({ field: "deadLetterQueue" }));
  createSqsQueue({ deadLetterQueue: "dead.fifo" });
});
