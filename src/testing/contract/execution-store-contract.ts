import type { ContractCase } from "./contract-case.ts";
import { storeClaimCases } from "./store-claim-cases.ts";
import { storeMessageCases } from "./store-message-cases.ts";
import { storeSettleCases } from "./store-settle-cases.ts";
import { storeStartCases } from "./store-start-cases.ts";
import { type StoreWorld, storeFixture } from "./store-world.ts";

/**
 * What every `ExecutionStore` promises, as cases for any test runner. Each case opens its own world, with no records in it, and closes it.
 *
 * @example
 * ```ts
 * for (const { name, run } of executionStoreContract(openWorld)) it(name, run);
 * ```
 */
export function executionStoreContract(openWorld: () => Promise<StoreWorld>): readonly ContractCase[] {
  const cases = { ...storeStartCases, ...storeClaimCases, ...storeSettleCases, ...storeMessageCases };
  return Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      const world = await openWorld();
      try {
        await check(storeFixture(world));
      } finally {
        await world.close();
      }
    },
  }));
}
