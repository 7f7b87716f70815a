import { createSystemClock } from "../../core/system-clock.ts";
import * as check from "../../model/option-check.ts";
import { UnsupportedOperationError } from "../../model/store-errors.ts";
import type { NewExecution } from "../../model/stored-execution.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore, StoreCapabilities } from "../../ports/execution-store.ts";
import type { ClaimReport, ClaimRequest } from "../../ports/store-claim.ts";
import type { InsertReport } from "../../ports/store-insert.ts";
import type { StoreWatch } from "../../ports/store-message.ts";
import type { SettleRequest } from "../../ports/store-settle.ts";
import { InsertBatcher } from "../records/insert-batcher.ts";
import { SettleClaimPairs } from "../records/settle-claim-pairs.ts";
import * as claims from "./postgres-claims.ts";
import type { PostgresClientLike, PostgresPoolLike } from "./postgres-client.ts";
import { PostgresConnection } from "./postgres-connection.ts";
import { isDataError } from "./postgres-errors.ts";
import { PostgresListener } from "./postgres-listener.ts";
import { postgresNames } from "./postgres-migrations.ts";
import { countExecutions, findOverdue, getExecutions, listExecutions, readEvents, readSignals } from "./postgres-reads.ts";
import * as writes from "./postgres-writes.ts";

/** How a Postgres store works. */
export interface PostgresStoreOptions {
  /** Where the server is; the store makes and closes its own pool, with the `pg` package. */
  connectionString?: string;
  /**
   * Instead: a pool of `pg` that stays the caller's. One of its connections listens for notifications while somebody watches. Give it a
   * `connectionTimeoutMillis`: without one a server that accepts connections and says nothing uses up its places for ever.
   */
  pool?: PostgresPoolLike;
  /** Where the tables are; created when missing. Letters, digits and `_`. Default `actorfleet`. */
  schema?: string;
  /** Connections of the store's own pool; 10. */
  maxConnections?: number;
  /** How long a statement may take before its connection is given up and the call rejects with `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** Statements that are needed often are kept prepared by the server; false for poolers between that cannot. Default true. */
  preparedStatements?: boolean;
  /** For time limits and pauses alone: instants are the server's. The system's. */
  clock?: Clock;
}

/** What a Postgres store can do. */
export const postgresStoreCapabilities: StoreCapabilities = {
  shared: true,
  durability: "power",
  notices: "pushed",
  transactions: "client",
  roundRobin: "process",
  groupLimits: true,
  rateLimits: true,
  writesAtOnce: 2,
  maxPayloadBytes: 100_000_000,
};

const followMs = 60_000;

const checkOptions = check.fields({
  connectionString: check.text,
  pool: check.having("connect"),
  schema: check.text,
  maxConnections: check.wholeNumber(1),
  operationTimeoutMs: check.positiveMilliseconds,
  preparedStatements: check.flag,
  clock: check.clock,
});

/**
 * A store in a schema of a Postgres database (12 or newer). Tables are created, and later versions of them migrated to, by the first call.
 *
 * @throws {InvalidOptionsError}
 */
export function createPostgresStore(options: PostgresStoreOptions): ExecutionStore {
  checkOptions(options, "options");
  const {
    connectionString,
    pool,
    schema = "actorfleet",
    maxConnections = 10,
    operationTimeoutMs = 10_000,
    preparedStatements = true,
    clock = createSystemClock(),
  } = options;
  const connection = new PostgresConnection({
    connectionString,
    pool,
    maxConnections,
    operationTimeoutMs,
    preparedStatements,
    clock,
    names: postgresNames(schema),
  });
  const listener = new PostgresListener(connection, clock);
  const storeId = globalThis.crypto.randomUUID();
  const turns = new Map<string, claims.ClaimTurn>();
  const reminders = new Map<string, unknown>();
  const batchers = new Map<string, InsertBatcher>();
  const following = new Set<() => void>();

  /** Items whose data the server does not take fail alone: the batch is repeated one by one. */
  async function each<Item, Report>(
    items: readonly Item[],
    write: (items: readonly Item[]) => Promise<Report[]>,
    refused: Report,
  ): Promise<Report[]> {
    if (items.length === 0) return [];
    try {
      return await write(items);
    } catch (error) {
      if (!isDataError(error)) throw error;
      if (items.length === 1) return [refused];
      const reports: Report[] = [];
      for (const item of items) reports.push(...(await each([item], write, refused)));
      return reports;
    }
  }

  const insertEach = (name: string, executions: readonly NewExecution[], maxQueued?: number) =>
    each(
      executions,
      (some) => writes.insertExecutions(connection, { name, executions: some, ...(maxQueued !== undefined && { maxQueued }) }, undefined),
      {
        inserted: false,
        reason: "unstorable",
        detail: "Postgres does not take its data",
      } as InsertReport,
    );

  const settle = ({ name, owner, settlements }: SettleRequest) =>
    each(settlements, (some) => claims.settleLeases(connection, name, owner, some), { settled: false, reason: "unstorable" });

  function turned(name: string, { report, turn, againInMs }: claims.TurnedClaim): ClaimReport {
    if (turn !== undefined) turns.set(name, turn);
    if (againInMs !== undefined) remind(name, againInMs);
    return report;
  }

  function remind(name: string, delayMs: number): void {
    if (reminders.has(name) || listener.watchers.size === 0) return;
    const tell = () => {
      reminders.delete(name);
      listener.watchers.tell(name, { type: "claimable" });
    };
    reminders.set(name, clock.setTimeout(tell, delayMs, true));
  }

  const knowing = (request: ClaimRequest) => ({ request, turn: turns.get(request.name), now: clock.monotonicNow() });

  const pairs = new SettleClaimPairs({
    // A limited claim waits for other claims, which must not wait for these settlements in turn.
    fits: claims.isUnlimited,
    settle,
    claim: async (request) => turned(request.name, await claims.claimExecutions(connection, knowing(request))),
    async both({ settlements }, request) {
      const { reports, claim } = await claims.settleAndClaim(connection, settlements, knowing(request));
      return { reports, report: turned(request.name, claim) };
    },
  });

  return {
    capabilities: postgresStoreCapabilities,

    async insert(request) {
      if (request.executions.length === 0) return [];
      if (request.transaction !== undefined) {
        const client = request.transaction as Partial<PostgresClientLike>;
        if (typeof client.query !== "function")
          throw new UnsupportedOperationError("expected the pg client of the caller's transaction, with query");
        return writes.insertExecutions(connection, request, client as PostgresClientLike);
      }
      if (request.atomic) return writes.insertExecutions(connection, request, undefined);
      if (request.maxQueued !== undefined) return insertEach(request.name, request.executions, request.maxQueued);
      const batcher = batchers.get(request.name) ?? new InsertBatcher((executions) => insertEach(request.name, executions));
      batchers.set(request.name, batcher);
      return batcher.insert(request.executions);
    },
    get: (name, ids) => getExecutions(connection, name, ids),
    list: (request) => listExecutions(connection, request),
    counts: (request) => countExecutions(connection, request),
    claim: (request) => pairs.claim(request),
    renew: async (request) => (request.leases.length === 0 ? [] : writes.renewLeases(connection, request)),
    changeSlots: async (request) => (request.entries.length === 0 ? [] : writes.changeSlots(connection, request)),
    checkpoint: ({ name, owner, entries }) =>
      each(entries, (some) => writes.saveCheckpoints(connection, name, owner, some), { saved: false, reason: "unstorable" }),
    settle: (request) => pairs.settle(request),
    park: ({ name, owner, entries }) =>
      each(entries, (some) => writes.parkExecutions(connection, name, owner, some), { parked: false, reason: "unstorable" }),
    requestCancel: async (request) => (request.cancels.length === 0 ? [] : writes.cancelExecutions(connection, request)),
    appendSignals: ({ name, signals }) =>
      each(signals, (some) => writes.appendSignals(connection, { name, signals: some }), { accepted: false, reason: "unstorable" }),
    readSignals: (request) => readSignals(connection, request),
    appendEvents: (request) =>
      each(request.entries, (entries) => writes.appendEvents(connection, { ...request, entries }), {
        appended: false,
        reason: "unstorable",
      }),
    readEvents: (request) => readEvents(connection, request),
    sweep: (request) => writes.sweepLeases(connection, request),
    findOverdue: (request) => findOverdue(connection, request),
    async remove({ name, olderThanMs, limit = 1_000 }) {
      const [row] = await connection.query<{ removed: number }>("SELECT S.remove($1, $2, $3) AS removed", [name, olderThanMs, limit]);
      return row?.removed ?? 0;
    },

    async watch(request, listen): Promise<StoreWatch> {
      await listener.listen();
      const watch = listener.watchers.watch(request, listen);
      const followed = new Set<string>();
      let timer: unknown;
      let told: Promise<void> | undefined;
      const tellFollowing = async () => {
        // Ends that are being written see no follower yet: it waits for them, so that whoever looks after this finds them.
        const sql = `WITH settled AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended($2, 4)))
          INSERT INTO S.followers SELECT $1, $2, S.now_ms() + $3::float8 FROM settled ON CONFLICT ("id") DO UPDATE SET "until" = excluded."until"`;
        await connection.query(sql, [`${storeId} ${request.name}`, request.name, followMs]);
      };
      const keepFollowing = () => {
        timer = clock.setTimeout(
          () => {
            timer = undefined;
            if (followed.size === 0) return;
            // While the server is away nothing is settled; the row is told again in time.
            void tellFollowing().catch(() => {});
            keepFollowing();
          },
          followMs / 3,
          true,
        );
      };
      const stop = () => {
        clock.clearTimeout(timer);
        timer = undefined;
      };
      following.add(stop);
      return {
        async follow(ids) {
          for (const id of ids) followed.add(id);
          await watch.follow(ids);
          if (followed.size === 0) return;
          if (timer === undefined) {
            keepFollowing();
            told = tellFollowing().catch((error: unknown) => {
              stop();
              throw error;
            });
          }
          await told;
        },
        unfollow(ids) {
          for (const id of ids) followed.delete(id);
          watch.unfollow(ids);
        },
        async close() {
          stop();
          following.delete(stop);
          await watch.close();
        },
      };
    },

    async close() {
      for (const stop of following) stop();
      for (const timer of reminders.values()) clock.clearTimeout(timer);
      listener.close();
      await connection.close();
    },
  };
}
