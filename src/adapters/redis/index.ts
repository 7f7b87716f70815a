export type { RedisClientLike } from "./redis-client.ts";
export { EvictionPolicyError } from "./redis-errors.ts";
export { createRedisStore, type RedisStoreOptions } from "./redis-store.ts";
