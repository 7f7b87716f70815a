export { createRedisBackend, type RedisBackendOptions } from "./redis-backend.ts";
export type { RedisClientLike } from "./redis-client.ts";
export { EvictionPolicyError } from "./redis-errors.ts";
export { createRedisQueue, type RedisQueueOptions } from "./redis-queue.ts";
export { createRedisStore, type RedisStoreOptions } from "./redis-store.ts";
