import type { ExecutionQueue } from "../../ports/execution-queue.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import { createRedisQueue, type RedisQueueOptions } from "./redis-queue.ts";
import { createRedisStore, type RedisStoreOptions } from "./redis-store.ts";

/** Of both, {@link createRedisStore} and {@link createRedisQueue}. */
export type RedisBackendOptions = RedisStoreOptions & RedisQueueOptions;

/**
 * A store and a queue in one Redis server, for the options of a coordinator. Closing both is left to the caller, as with one of each.
 *
 * @example
 * const coordinator = createDurableCoordinator({ ...createRedisBackend({ url: "redis://127.0.0.1" }), name: "reports", orchestrator });
 *
 * @throws {InvalidOptionsError}
 */
export function createRedisBackend(options: RedisBackendOptions): { readonly store: ExecutionStore; readonly queue: ExecutionQueue } {
  const store = createRedisStore(options);
  const { allowEviction: _, ...shared } = options;
  return { store, queue: createRedisQueue(shared) };
}
