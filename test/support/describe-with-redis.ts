import { describeWith } from "./describe-with.ts";
import { findRedis } from "./redis-server.ts";

const found = findRedis();

/** A suite that starts a Redis. */
export function describeWithRedis(name: string, suite: () => void): void {
  describeWith("missing" in found ? found.missing : undefined, name, suite);
}
