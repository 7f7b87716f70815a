import type { Redis } from "ioredis";
import { type RedisStoreOptions, redisStore } from "../../src/adapters/redis/redis-store.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";

const keyOf = (keyPrefix: string) => `${keyPrefix}:now`;

/** A store whose scripts go by the time that the test has set. */
export function redisStoreInTestTime(options: RedisStoreOptions & { readonly keyPrefix: string }): ExecutionStore {
  return redisStore(options, `local now = tonumber(call('GET', '${keyOf(options.keyPrefix)}'))`);
}

export async function setRedisTime(admin: Redis, keyPrefix: string, now: number): Promise<void> {
  await admin.set(keyOf(keyPrefix), now);
}
