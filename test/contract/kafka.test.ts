import { afterAll, beforeAll } from "vitest";
import { createKafkaQueue, type KafkaQueueOptions } from "../../src/adapters/kafka/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { contractAtOnce } from "../support/contract-at-once.ts";
import { describeWithKafka, type KafkaServer, startKafka } from "../support/kafka-server.ts";
import { consumingPersistently } from "../support/persistent-consume.ts";

let server: KafkaServer;
let prefixes = 0;

beforeAll(async () => {
  server = await startKafka(3);
}, 30_000);
afterAll(() => server?.remove());

/** Longer than the 3 s for which the mock lets the first member of a group wait; and a busy machine gives no sign of life for long. */
const sessionTimeoutMs = 6_000;

function nextPrefix(): string {
  prefixes += 1;
  return `p${prefixes}`;
}

function open(namePrefix: string, options: Partial<KafkaQueueOptions> = {}): ExecutionQueue {
  return createKafkaQueue({ brokers: server.brokers, namePrefix, topics: "auto", sessionTimeoutMs, ...options });
}

describeWithKafka("Kafka queue", () => {
  const contract = executionQueueContract(async () => {
    const prefix = nextPrefix();
    const opened: ExecutionQueue[] = [];
    const openOne = () => {
      const queue = consumingPersistently(open(prefix));
      opened.push(queue);
      return queue;
    };
    return {
      queue: openOne(),
      openSecond: async () => openOne(),
      visibilityTimeoutMs: 300,
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(ms, 20))),
      close: async () => void (await Promise.all(opened.map((queue) => queue.close()))),
    };
  });
  contractAtOnce(contract);
});
