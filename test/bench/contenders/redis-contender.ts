import type { Redis } from "ioredis";
import type { Contender } from "./stored-contender.ts";

/** Something that keeps executions in Redis and runs them in this process. */
export interface RedisContender extends Contender {
  /** How many it has accepted that have not ended. */
  unfinished(admin: Redis): Promise<number>;
}
