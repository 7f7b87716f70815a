import { InvalidOptionsError } from "../../model/errors.ts";
import type { RedisClientLike } from "./redis-client.ts";

interface RedisAddress {
  readonly url?: string;
  readonly client?: RedisClientLike;
  readonly keyPrefix?: string;
}

/** Throws `InvalidOptionsError` where these do not say which server it is, or which keys are its own. */
export function checkRedisAddress({ url, client, keyPrefix = "" }: RedisAddress): void {
  // A URL is not shown: it may hold a password.
  const refuse = (field: string, expected: string, received?: unknown) => {
    throw new InvalidOptionsError({ field, expected, received });
  };
  if ((url === undefined) === (client === undefined)) refuse("url", "either a url or a client");
  if (url !== undefined && !/^rediss?:$/.test(URL.canParse(url) ? new URL(url).protocol : ""))
    refuse("url", "a URL that begins with redis:// or rediss://");
  if (/[{}]/.test(keyPrefix)) refuse("keyPrefix", "a text without braces", keyPrefix);
  if (client?.options?.keyPrefix) refuse("client", "a client without keyPrefix", client.options.keyPrefix);
}
