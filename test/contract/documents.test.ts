import { describe, it } from "vitest";
import { createDocumentStore } from "../../src/adapters/documents/document-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { createMemoryDocumentTable, MemoryDocuments } from "../support/memory-document-table.ts";

function openDocuments(documents: MemoryDocuments, clock: VirtualClock) {
  const table = createMemoryDocumentTable(documents);
  return createDocumentStore({ table, clock, noticeDelayMs: 500, requestsAtOnce: 8, durability: "none" });
}

describe("store on documents", () => {
  const contract = executionStoreContract(async () => {
    const clock = new VirtualClock({ now: 1_700_000_000_000 });
    const documents = new MemoryDocuments();
    const stores = [openDocuments(documents, clock)];
    return {
      store: stores[0] as (typeof stores)[0],
      openSecond: async () => {
        const second = openDocuments(documents, clock);
        stores.push(second);
        return second;
      },
      elapse: (ms) => clock.advance(ms),
      close: async () => void (await Promise.all(stores.map((store) => store.close()))),
    };
  });
  for (const { name, run } of contract) it(name, run);
});
