import { Redis } from "ioredis";
import { afterAll, beforeAll, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { redisStoreInTestTime, setRedisTime } from "../support/redis-time.ts";
import { compareWithMemory } from "./twin-stores.ts";

const startedAt = 1_700_000_000_000;

describeWithRedis("the Redis store beside the one in memory", () => {
  timersInBackground("ioredis");
  let server: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis({ appendonly: "no" });
    admin = new Redis(server.url);
  }, 60_000);
  afterAll(async () => {
    admin?.disconnect();
    await server?.remove();
  }, 20_000);

  it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
    "says the same to the same calls, whatever they are (%i)",
    async (seed) => {
      const keyPrefix = `seed${seed}`;
      const clock = new VirtualClock({ now: startedAt });
      await setRedisTime(admin, keyPrefix, startedAt);
      const memory = createMemoryStore({ clock });
      const store = redisStoreInTestTime({ url: server.url, keyPrefix });
      const elapse = async (ms: number) => {
        await clock.advance(ms);
        await setRedisTime(admin, keyPrefix, clock.now());
      };
      await compareWithMemory({ seed, stores: [memory, store], elapse, exact: true });
      await Promise.all([memory.close(), store.close()]);
    },
    20_000,
  );
});
