import { expect, it, vi } from "vitest";
import { createKafkaQueue } from "../../../../src/adapters/kafka/index.ts";

vi.mock("@platformatic/kafka", () => {
  throw new Error("Cannot find package '@platformatic/kafka'");
});

it("without the client's package every call says what to install", async () => {
  const queue = createKafkaQueue({ brokers: "127.0.0.1:1" });
  const message = expect.stringContaining("npm install @platformatic/kafka");
  const refusal = expect.objectContaining({ code: "MISSING_DEPENDENCY", packageName: "@platformatic/kafka", message });
  await expect(queue.publish([{ name: "a", executionId: "1" }])).rejects.toEqual(refusal);
  await expect(queue.consume({ name: "a", visibilityTimeoutMs: 1_000, maxInFlight: 1 }, () => {})).rejects.toEqual(refusal);
  await expect(queue.listPutAside({ name: "a" })).rejects.toEqual(refusal);
  await queue.close();
});
