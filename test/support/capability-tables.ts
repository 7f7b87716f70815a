import { createDynamodbStore } from "../../src/adapters/aws/dynamodb-store.ts";
import { sqsQueueCapabilities } from "../../src/adapters/aws/sqs-queue.ts";
import { createTableStore } from "../../src/adapters/azure/azure-table-store.ts";
import { createServiceBusQueue } from "../../src/adapters/azure/service-bus-queue.ts";
import { createStorageQueue } from "../../src/adapters/azure/storage-queue.ts";
import { createKafkaQueue } from "../../src/adapters/kafka/kafka-queue.ts";
import { memoryQueueCapabilities } from "../../src/adapters/memory/memory-queue.ts";
import { memoryStoreCapabilities } from "../../src/adapters/memory/memory-store.ts";
import { postgresStoreCapabilities } from "../../src/adapters/postgres/postgres-store.ts";
import { rabbitmqQueueCapabilities } from "../../src/adapters/rabbitmq/rabbitmq-queue.ts";
import { redisQueueCapabilities } from "../../src/adapters/redis/redis-queue.ts";
import { redisStoreCapabilities } from "../../src/adapters/redis/redis-store.ts";
import { sqliteStoreCapabilities } from "../../src/adapters/sqlite/sqlite-store.ts";
import type { QueueCapabilities } from "../../src/ports/execution-queue.ts";
import type { StoreCapabilities } from "../../src/ports/execution-store.ts";

/** Head and rows of a table. */
export interface CapabilityTable {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

// None of them opens anything before its first call.
const serviceBus = "Endpoint=sb://none/;SharedAccessKeyName=none;SharedAccessKey=none";

const queues: readonly [name: string, capabilities: QueueCapabilities][] = [
  ["memory", memoryQueueCapabilities],
  ["RabbitMQ", rabbitmqQueueCapabilities],
  ["Redis, with an append-only file", redisQueueCapabilities],
  ["Kafka", createKafkaQueue({ brokers: ["none:9092"] }).capabilities],
  ["Service Bus", createServiceBusQueue({ connectionString: serviceBus }).capabilities],
  ["Service Bus, `sessions: true`", createServiceBusQueue({ connectionString: serviceBus, sessions: true }).capabilities],
  ["Azure Storage queue", createStorageQueue({ connectionString: "UseDevelopmentStorage=true" }).capabilities],
  ["SQS", sqsQueueCapabilities()],
  ["SQS, `fifo: true`", sqsQueueCapabilities({ fifo: true })],
];

const stores: readonly [name: string, capabilities: StoreCapabilities][] = [
  ["memory", memoryStoreCapabilities],
  ["SQLite", sqliteStoreCapabilities({ filename: "executions.sqlite" })],
  ['SQLite, `synchronous: "FULL"`', sqliteStoreCapabilities({ filename: "executions.sqlite", synchronous: "FULL" })],
  ["Postgres", postgresStoreCapabilities],
  ["Redis, `appendfsync everysec`", { ...redisStoreCapabilities, durability: "process" }],
  ["Redis, `appendfsync always`", { ...redisStoreCapabilities, durability: "power" }],
  ["DynamoDB", createDynamodbStore().capabilities],
  ["Azure Table Storage", createTableStore({ connectionString: "none" }).capabilities],
];

const orders: Record<QueueCapabilities["order"], string> = { fifo: "of publishing", loose: "loose", perGroup: "per group" };
const durabilities: Record<StoreCapabilities["durability"], string> = {
  none: "nothing",
  process: "the end of the process",
  power: "loss of power",
};
const transactions: Record<StoreCapabilities["transactions"], string> = { none: "no", handle: "its own", client: "the caller's" };

const yes = (can: boolean): string => (can ? "yes" : "no");

/** A column for each capability; leaving out one that the port has does not compile. */
const queueColumns: {
  readonly [Name in keyof Required<QueueCapabilities>]: [head: string, cell: (of: QueueCapabilities) => string] | null;
} = {
  order: ["order", ({ order }) => orders[order]],
  delay: ["delays", ({ delay, maxDelayMs }) => (delay && maxDelayMs !== undefined ? `up to ${duration(maxDelayMs)}` : yes(delay))],
  maxDelayMs: null,
  priority: ["priorities", ({ priority }) => yes(priority)],
  visibilityTimeout: ["a loan ends", ({ visibilityTimeout }) => (visibilityTimeout ? "in time" : "with its consumer")],
  deliveryCount: ["counts deliveries", ({ deliveryCount }) => yes(deliveryCount)],
  listsPutAside: ["lists what was put aside", ({ listsPutAside }) => yes(listsPutAside)],
  durable: ["outlives the broker's process", ({ durable }) => yes(durable)],
  maxMessageBytes: ["largest message", ({ maxMessageBytes }) => bytes(maxMessageBytes)],
};

const storeColumns: {
  readonly [Name in keyof Required<StoreCapabilities>]: [head: string, cell: (of: StoreCapabilities) => string] | null;
} = {
  shared: ["several processes", ({ shared }) => yes(shared)],
  durability: ["what was accepted survives", ({ durability }) => durabilities[durability]],
  notices: ["changes of others are", ({ notices }) => notices],
  transactions: ["starts within a transaction", (of) => transactions[of.transactions]],
  roundRobin: ["groups take turns per", ({ roundRobin }) => (roundRobin === "none" ? "–" : roundRobin)],
  groupLimits: ["limits per group", ({ groupLimits }) => yes(groupLimits)],
  rateLimits: ["rate limits", ({ rateLimits }) => yes(rateLimits)],
  writesAtOnce: null,
  maxPayloadBytes: ["largest payload", ({ maxPayloadBytes }) => bytes(maxPayloadBytes)],
};

/** What each queue that is shipped says it can do. */
export function queueCapabilityTable(): CapabilityTable {
  return toTable("queue", queues, Object.values(queueColumns));
}

/** What each store that is shipped says it can do. */
export function storeCapabilityTable(): CapabilityTable {
  return toTable("store", stores, Object.values(storeColumns));
}

function toTable<Capabilities>(
  what: string,
  list: readonly [name: string, capabilities: Capabilities][],
  columns: readonly ([head: string, cell: (of: Capabilities) => string] | null)[],
): CapabilityTable {
  const shown = columns.filter((column) => column !== null);
  return {
    head: [what, ...shown.map(([head]) => head)],
    rows: list.map(([name, capabilities]) => [name, ...shown.map(([, cell]) => cell(capabilities))]),
  };
}

function duration(ms: number): string {
  const units = [
    ["day", 86_400_000],
    ["hour", 3_600_000],
    ["minute", 60_000],
    ["second", 1_000],
  ] as const;
  const [unit, length] = units.find(([, unitMs]) => ms >= unitMs && ms % unitMs === 0) ?? ["ms", 1];
  const count = Math.floor(ms / length);
  return `${count.toLocaleString("en").replaceAll(",", " ")} ${unit}${count === 1 || unit === "ms" ? "" : "s"}`;
}

function bytes(most: number | undefined): string {
  if (most === undefined || most === Number.POSITIVE_INFINITY) return "any";
  const [unit, size] = most % 1_048_576 === 0 ? ["MiB", 1_048_576] : most % 1_024 === 0 ? ["KiB", 1_024] : ["MB", 1_000_000];
  return `${Number((most / Number(size)).toFixed(1))} ${unit}`;
}
