import { createRedisStore } from "../../../src/adapters/redis/index.ts";
import { createDurableCoordinator } from "../../../src/index.ts";
import { watchRedis } from "./server-watch.ts";
import type { Contender } from "./stored-contender.ts";

/** The store alone: it is its own queue. */
export const actorfleetRedis: Contender = {
  name: "actorfleet",
  startsMany: true,
  url: import.meta.url,
  watch: watchRedis(async (admin) => {
    const sizes = await Promise.all(["queued", "running"].map((status) => admin.zcard(`actorfleet:{.bench}:s:${status}`)));
    return sizes.reduce((sum, size) => sum + size, 0);
  }),
  async open({ connectionString, concurrency, begun }) {
    const store = createRedisStore({ url: connectionString });
    const orchestrator = async (input: number) => {
      begun(input);
      return input;
    };
    const coordinator = createDurableCoordinator({ name: "bench", store, maxConcurrent: concurrency, orchestrator });
    coordinator.pause();
    await coordinator.counts();
    return {
      start: (input) => coordinator.start(input),
      startMany: (inputs) => coordinator.startMany(inputs.map((input) => ({ input }))),
      work: async () => coordinator.resume(),
      async close() {
        await coordinator.close();
        await store.close();
      },
    };
  },
};
