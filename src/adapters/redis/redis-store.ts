import { createSystemClock } from "../../core/system-clock.ts";
import { clock as clockCheck, fields, flag, having, positiveMilliseconds, text } from "../../model/option-check.ts";
import { UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore, StoreCapabilities } from "../../ports/execution-store.ts";
import { InsertBatcher } from "../records/insert-batcher.ts";
import { SettleClaimPairs } from "../records/settle-claim-pairs.ts";
import { checkRedisAddress } from "./redis-address.ts";
import { countText, maxPayloadBytes, milliseconds } from "./redis-arguments.ts";
import type { RedisClientLike } from "./redis-client.ts";
import { RedisConnection } from "./redis-connection.ts";
import { RedisListener } from "./redis-listener.ts";
import { redisScripts } from "./redis-scripts.ts";
import { claimExecutions, KnownGroups, settleAndClaim, settleLeases } from "./redis-store-claims.ts";
import * as reads from "./redis-store-reads.ts";
import * as writes from "./redis-store-writes.ts";

/** How a Redis store works. */
export interface RedisStoreOptions {
  /** Where the server is, as `redis://…` or `rediss://…`; the store makes and closes its own connections, with the `ioredis` package. */
  url?: string;
  /** Instead: a client of `ioredis`, of one server or a cluster, without a `keyPrefix`. It stays the caller's; while somebody watches, a duplicate of it listens. */
  client?: RedisClientLike;
  /** What all keys begin with; without braces. Default `actorfleet`. */
  keyPrefix?: string;
  /** How long an answer may take before the call rejects with `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** Also uses a server that removes keys when its memory is full, which loses executions; false. */
  allowEviction?: boolean;
  /** For time limits alone: instants are the server's. The system's. */
  clock?: Clock;
}

const checkOptions = fields({
  url: text,
  client: having("call", "callBuffer", "duplicate", "on"),
  keyPrefix: text,
  operationTimeoutMs: positiveMilliseconds,
  allowEviction: flag,
  clock: clockCheck,
});

/**
 * A store in a Redis server (7 or newer; 6.2 and Valkey should do). What an accepted write survives is up to how the server keeps its data:
 * with `appendonly yes` and `appendfsync always` the loss of power, with `everysec` the end of the workers' processes and, but for about the
 * last second, of the server; without an append-only file what was written since the last snapshot goes with the server.
 *
 * @throws {InvalidOptionsError}; calls reject with {@link EvictionPolicyError} where the server may remove executions.
 */
export function createRedisStore(options: RedisStoreOptions): ExecutionStore {
  return redisStore(options);
}

/** The same with another source of time: the text that sets the scripts' `now`. */
export function redisStore(options: RedisStoreOptions, timeLua?: string): ExecutionStore {
  checkOptions(options, "options");
  checkRedisAddress(options);
  const {
    url,
    client,
    keyPrefix = "actorfleet",
    operationTimeoutMs = 10_000,
    allowEviction = false,
    clock = createSystemClock(),
  } = options;
  const connection = new RedisConnection({ url, client, keyPrefix, operationTimeoutMs, allowEviction, clock });
  const listener = new RedisListener(connection, clock);
  const target: writes.RedisTarget = { connection, scripts: redisScripts(timeLua) };
  const groups = new Map<string, KnownGroups>();
  const batchers = new Map<string, InsertBatcher>();

  function of<Value>(map: Map<string, Value>, name: string, make: () => Value): Value {
    let value = map.get(name);
    if (value === undefined) {
      value = make();
      map.set(name, value);
    }
    return value;
  }

  const pairs = new SettleClaimPairs({
    fits: ({ groupLimit }) => typeof groupLimit !== "function",
    settle: (request) => settleLeases(target, request),
    claim: (request) =>
      claimExecutions(
        target,
        of(groups, request.name, () => new KnownGroups()),
        request,
      ),
    both: (settle, claim) => settleAndClaim(target, settle, claim),
  });

  return {
    get capabilities(): StoreCapabilities {
      return { ...redisStoreCapabilities, durability: connection.durability };
    },
    async insert(request) {
      if (request.transaction !== undefined)
        throw new UnsupportedOperationError("the Redis store has no transactions to start executions in");
      const { name, executions, atomic, maxQueued } = request;
      if (executions.length === 0) return [];
      if (atomic || maxQueued !== undefined) return writes.insertExecutions(target, request);
      const write = (some: typeof executions) => writes.insertExecutions(target, { name, executions: some });
      return of(batchers, name, () => new InsertBatcher(write)).insert(executions);
    },
    get: (name, ids) => reads.getExecutions(target, name, ids),
    list: (request) => reads.listExecutions(target, request),
    counts: (request) => reads.countExecutions(target, request),
    claim: (request) => pairs.claim(request),
    renew: (request) => writes.renewLeases(target, request),
    changeSlots: (request) => writes.changeSlots(target, request),
    checkpoint: ({ name, owner, entries }) => writes.saveCheckpoints(target, name, owner, entries),
    settle: (request) => pairs.settle(request),
    park: ({ name, owner, entries }) => writes.parkExecutions(target, name, owner, entries),
    requestCancel: (request) => writes.cancelExecutions(target, request),
    appendSignals: (request) => writes.appendSignals(target, request),
    readSignals: (request) => reads.readSignals(target, request),
    appendEvents: (request) => writes.appendEvents(target, request),
    readEvents: (request) => reads.readEvents(target, request),
    watch: (request, listen) => listener.watch(request, listen),
    sweep: (request) => writes.sweepLeases(target, request),
    findOverdue: (request) => reads.findOverdue(target, request),
    remove: async ({ name, olderThanMs, limit = 1_000 }) =>
      Number(await connection.run(target.scripts.remove, name, [milliseconds(olderThanMs), countText(limit)])),
    async close() {
      await Promise.all([listener.close(), connection.close()]);
    },
  };
}

/** What it can do wherever it runs; what accepted writes survive is up to the server. */
export const redisStoreCapabilities = {
  shared: true,
  notices: "pushed",
  transactions: "none",
  roundRobin: "store",
  groupLimits: true,
  rateLimits: true,
  writesAtOnce: 1,
  maxPayloadBytes,
} as const;
