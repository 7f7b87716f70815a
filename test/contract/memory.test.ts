import { describe, it } from "vitest";
import { createMemoryData, createMemoryQueue, createMemoryStore, MemoryQueueData } from "../../src/adapters/memory/index.ts";
import { executionQueueContract } from "../../src/testing/contract/execution-queue-contract.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";

describe("memory store", () => {
  const contract = executionStoreContract(async () => {
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    const data = createMemoryData();
    const store = createMemoryStore({ clock, data });
    return {
      store,
      openSecond: async () => createMemoryStore({ clock, data }),
      elapse: (ms) => clock.advance(ms),
      close: () => store.close(),
    };
  });
  for (const { name, run } of contract) it(name, run);
});

describe("memory queue", () => {
  const contract = executionQueueContract(async () => {
    const clock = new VirtualClock();
    const data = new MemoryQueueData();
    const queue = createMemoryQueue({ clock, data });
    return {
      queue,
      openSecond: async () => createMemoryQueue({ clock, data }),
      now: () => clock.now(),
      elapse: (ms) => clock.advance(ms),
      publishRaw: async (name, raw) => queue.publishRaw(name, raw),
      close: () => queue.close(),
    };
  });
  for (const { name, run } of contract) it(name, run);
});
