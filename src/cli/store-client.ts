import { createDurableCoordinator, type DurableCoordinator } from "../core/durable-coordinator.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import { openStore } from "./open-store.ts";

/** A store, and a coordinator that asks and writes it but runs nothing. */
export interface StoreClient {
  readonly store: ExecutionStore;
  readonly name: string;
  readonly coordinator: DurableCoordinator<unknown, unknown>;
  close(): Promise<void>;
}

/** @throws {CommandError} {@link MissingDependencyError} */
export async function openStoreClient(options: ConnectionOptions): Promise<StoreClient> {
  const { store, name, close } = await openStore(options);
  const coordinator = createDurableCoordinator({
    name,
    store,
    role: "client",
    orchestrator: async (_: unknown): Promise<unknown> => undefined,
  });
  return {
    store,
    name,
    coordinator,
    async close() {
      await coordinator.close();
      await close();
    },
  };
}
