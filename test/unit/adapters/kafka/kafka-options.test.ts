import { describe, expect, it } from "vitest";
import { createKafkaQueue, type KafkaQueueOptions } from "../../../../src/adapters/kafka/index.ts";
import { CoordinatorClosedError } from "../../../../src/model/errors.ts";

describe("options that a Kafka queue cannot work with", () => {
  const brokers = "localhost:9092";
  it.each<[field: string, options: object]>([
    ["brokers", {}],
    ["brokers", { brokers: [] }],
    ["brokers", { brokers: 9092 }],
    ["namePrefix", { brokers, namePrefix: "mine/" }],
    ["topics", { brokers, topics: "maybe" }],
    ["partitions", { brokers, partitions: 0 }],
    ["replicas", { brokers, replicas: 1.5 }],
    ["tls", { brokers, tls: "yes" }],
    ["sasl.mechanism", { brokers, sasl: { username: "me" } }],
    ["operationTimeoutMs", { brokers, operationTimeoutMs: 0 }],
    ["sessionTimeoutMs", { brokers, sessionTimeoutMs: -1 }],
    ["retries", { brokers, retries: 3 }],
  ])("%s is named for %j", (field, options) => {
    expect(() => createKafkaQueue(options as KafkaQueueOptions)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID", field }));
  });

  it("a queue that was never used closes, and stays closed", async () => {
    const queue = createKafkaQueue({ brokers, sasl: { mechanism: "PLAIN", username: "me", password: "secret" }, tls: true });
    await Promise.all([queue.close(), queue.close()]);
    await expect(queue.publish([])).rejects.toThrow(CoordinatorClosedError);
    await expect(queue.listPutAside({ name: "a" })).rejects.toThrow(CoordinatorClosedError);
  });
});
