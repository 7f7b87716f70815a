import { expect } from "vitest";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { claimInProcess } from "./claiming-process.ts";
import type { StoreAddress } from "./store-address.ts";

/** Two processes that claim at once from this store, which is at that address, share what there is: nothing comes twice, and nothing is left. */
export async function expectSharedClaims(store: ExecutionStore, address: StoreAddress, count: number): Promise<void> {
  const name = "p";
  await store.insert({ name, executions: Array.from({ length: count }, (_, index) => newExecution(`e${index}`)) });
  const taken = (await Promise.all([claimInProcess(address), claimInProcess(address)])).flat();
  expect([taken.length, new Set(taken).size]).toEqual([count, count]);
  expect((await store.counts({ name })).completed).toBe(count);
}
