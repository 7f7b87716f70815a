import { expect, it } from "vitest";
import { createRedisStore } from "../../src/adapters/redis/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import { timersInBackground } from "../support/background-timers.ts";
import { describeWithRedis } from "../support/describe-with-redis.ts";
import { startRedis } from "../support/redis-server.ts";
import { actorfleet } from "./command.ts";

describeWithRedis("over Redis", () => {
  timersInBackground("ioredis");
  it("commands make nothing where there is nothing, and look and steer where there is something", async () => {
    const server = await startRedis();
    const at = ["--store", server.url];
    const empty = await actorfleet("ls", ...at);
    expect(empty.code).toBe(3);
    expect(empty.error).toMatch(
      /^error: There are no executions of actorfleet in keys that begin with actorfleet in redis:\/\/127\.0\.0\.1/,
    );

    const store = createRedisStore({ url: server.url, keyPrefix: "fleet" });
    const client = createDurableCoordinator({ name: "reports {a}", store, role: "client", orchestrator: async (title: string) => title });
    await client.startMany(["one", "two"].map((input) => ({ input, options: { id: input, group: "g" } })));
    await client.close();
    await store.close();

    expect((await actorfleet("ls", ...at)).code, "still nothing under the default prefix").toBe(3);
    const inFleet = [...at, "--schema", "fleet", "--name", "reports {a}"];
    expect((await actorfleet("ls", ...inFleet)).out).toMatch(/^one +queued +g .*\ntwo +queued +g /m);
    expect(await actorfleet("cancel", "two", "--reason", "enough", ...inFleet)).toMatchObject({ code: 0, out: "two: cancelled\n" });
    await server.remove();
    const away = await actorfleet("ls", ...at);
    expect(away.code).toBe(3);
    expect(away.error).toMatch(/^error: redis:\/\/127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/);
  }, 60_000);
});
