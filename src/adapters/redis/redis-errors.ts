import { ActorfleetError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";

/** The server may throw stored executions away when its memory is full: nothing was stored in it. */
export class EvictionPolicyError extends ActorfleetError {
  readonly code = "EVICTION_POLICY_UNSAFE";
  /** The server's `maxmemory-policy`; undefined where it does not tell. */
  readonly policy: string | undefined;

  constructor(policy: string | undefined) {
    const found = policy === undefined ? "Redis does not tell its maxmemory-policy" : `Redis has maxmemory-policy ${policy}`;
    super(`${found}: expected noeviction, because any other may remove stored executions; or set allowEviction where that is acceptable`);
    this.policy = policy;
  }
}

/** Answers by which a server says that it cannot write now, and has not. */
const passing = /^(OOM|MISCONF|READONLY|LOADING|BUSY|CLUSTERDOWN|TRYAGAIN|MASTERDOWN|NOREPLICAS|UNKILLABLE|NOAUTH|WRONGPASS)\b/;

/** What a call rejects with: what is no answer of the server leaves open whether it has done what it was asked. */
export function toRedisError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error)) return error;
  const { name, message = "" } = error as Partial<Error>;
  if (name === "ReplyError" && !passing.test(message)) return error;
  return new StoreUnavailableError(`Redis cannot be used: ${message || String(error)}`, error);
}
