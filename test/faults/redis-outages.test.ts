import { Redis } from "ioredis";
import { test } from "vitest";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { faultSeed } from "./fault-seed.ts";
import { crashed, type Outage, serverOutages, stopped } from "./server-outages.ts";

const frozen: Outage<RedisServer> = async (server, pause) => {
  server.freeze();
  await pause(2_000, 2_500);
  server.thaw();
};

describeWithRedis(`a Redis that goes away (seed ${faultSeed})`, () => {
  timersInBackground("ioredis");
  const { endure, endureLostConnections } = serverOutages({
    start: () => startRedis({ appendfsync: "always" }),
    storeIn: ({ url }, keyPrefix) => ({ kind: "redis", url, keyPrefix, operationTimeoutMs: 2_000 }),
  });

  test("killed and started again every few seconds, stopped, and frozen, under load: what was accepted comes to its end", async () => {
    await endure([crashed, stopped, crashed, frozen, crashed, crashed]);
  }, 120_000);

  test("all its connections ended again and again", async () => {
    await endureLostConnections(async ({ url }) => {
      const admin = new Redis(url);
      return {
        async endAll() {
          let ended = 0;
          for (const type of ["normal", "pubsub"]) ended += Number(await admin.call("CLIENT", "KILL", "TYPE", type, "SKIPME", "yes"));
          return ended;
        },
        close: async () => admin.disconnect(),
      };
    });
  }, 90_000);
});
