import type { RedisClientLike } from "./redis-client.ts";
import { nameOf } from "./redis-connection.ts";

/** Names that have records, in alphabetical order; undefined when there is no store under this prefix. Makes nothing. */
export async function readRedisNames(client: Pick<RedisClientLike, "call">, keyPrefix: string): Promise<string[] | undefined> {
  if ((await client.call("EXISTS", [`${keyPrefix}:schema`])) === 0) return undefined;
  const names = new Set<string>();
  let cursor = "0";
  do {
    const pattern = `${keyPrefix.replaceAll(/[\\*?[\]^-]/g, "\\$&")}:{*}:all`;
    const [next, keys] = (await client.call("SCAN", [cursor, "MATCH", pattern, "TYPE", "zset", "COUNT", 1_000])) as [string, string[]];
    for (const key of keys) names.add(nameOf(key.slice(keyPrefix.length + 2, -":all".length - 1)));
    cursor = next;
  } while (cursor !== "0");
  return [...names].sort();
}
