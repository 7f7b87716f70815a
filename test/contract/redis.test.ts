import { Redis } from "ioredis";
import { afterAll, beforeAll, it } from "vitest";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { redisStoreInTestTime, setRedisTime } from "../support/redis-time.ts";

let server: RedisServer;
let admin: Redis;
let prefixes = 0;

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  admin.on("error", () => {});
}, 60_000);
afterAll(async () => {
  admin?.disconnect();
  await server?.remove();
}, 20_000);

function nextPrefix(): string {
  prefixes += 1;
  return `p${prefixes}`;
}

describeWithRedis("Redis store", () => {
  const contract = executionStoreContract(async () => {
    const keyPrefix = nextPrefix();
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = redisStoreInTestTime({ url: server.url, keyPrefix });
      opened.push(store);
      return store;
    };
    let now = 1_700_000_000_000;
    await setRedisTime(admin, keyPrefix, now);
    return {
      store: open(),
      openSecond: async () => open(),
      async elapse(ms) {
        now += ms;
        await setRedisTime(admin, keyPrefix, now);
      },
      async close() {
        for (const each of opened) await each.close();
        await admin.flushall();
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});
