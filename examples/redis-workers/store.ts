import { createRedisStore } from "../../src/adapters/redis/index.ts";

/** The same in all processes: it is where they meet. */
export const openStore = (url: string) => createRedisStore({ url, keyPrefix: "actorfleet_example" });
