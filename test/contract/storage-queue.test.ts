import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, it } from "vitest";
import { createStorageQueue, toStorageQueueName } from "../../src/adapters/azure/index.ts";
import type { ExecutionQueue } from "../../src/ports/execution-queue.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { type Azurite, startAzurite } from "../support/azurite.ts";

let azurite: Azurite;
let worlds = 0;

beforeAll(async () => {
  azurite = await startAzurite();
}, 60_000);
afterAll(() => azurite?.remove(), 20_000);

/** Each with queues of its own. */
function nextPrefix(): string {
  worlds += 1;
  return `w${worlds}-`;
}

describe.each(["base64", "text"] as const)("storage queue, encoding %s", (encoding) => {
  const contract = executionQueueContract(async () => {
    const namePrefix = nextPrefix();
    const opened: ExecutionQueue[] = [];
    const open = () => {
      const queue = createStorageQueue({ connectionString: azurite.connectionString, namePrefix, encoding, minPollMs: 20, maxPollMs: 100 });
      opened.push(queue);
      return queue;
    };
    return {
      queue: open(),
      openSecond: async () => open(),
      now: () => Date.now(),
      elapse: (ms) => new Promise((resolve) => setTimeout(resolve, ms === 0 ? 5 : ms)),
      async publishRaw(name, raw) {
        const queue = QueueServiceClient.fromConnectionString(azurite.connectionString).getQueueClient(
          toStorageQueueName(name, namePrefix),
        );
        await queue.createIfNotExists();
        await queue.sendMessage(raw);
      },
      async close() {
        for (const queue of opened) await queue.close();
      },
    };
  });
  for (const { name, run } of contract) it(name, run, 20_000);
});
