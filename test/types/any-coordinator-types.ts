// Checked by the compiler alone.

import { type AnyCoordinator, createHttpApi } from "../../src/http/index.ts";
import { createCoordinator, createDurableCoordinator, type ExecutionStore } from "../../src/index.ts";

export function everyCoordinatorIsOne(store: ExecutionStore): AnyCoordinator[] {
  const inMemory = createCoordinator({ orchestrator: async (input: { city: string }) => input.city.length });
  const durable = createDurableCoordinator({ name: "types", store, orchestrator: async (input: number) => String(input) });
  createHttpApi(inMemory);
  createHttpApi(durable, { dashboard: true });
  // @ts-expect-error no such option
  createHttpApi(inMemory, { cors: "*" });
  return [inMemory, durable];
}
