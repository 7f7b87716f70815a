import { createSystemClock } from "../../core/system-clock.ts";
import * as check from "../../model/option-check.ts";
import { StoreUnavailableError, UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore, StoreCapabilities } from "../../ports/execution-store.ts";
import type { StoreNotice } from "../../ports/store-message.ts";
import { insertWork, type RecordWork, recordMethods } from "../records/record-store.ts";
import { StoreWatchers } from "../records/store-watchers.ts";
import { SqliteNotices } from "./sqlite-notices.ts";
import type { SqliteSession } from "./sqlite-session.ts";
import { SqliteSpace } from "./sqlite-space.ts";
import { SqliteWriter } from "./sqlite-writer.ts";

/** How a SQLite store works. */
export interface SqliteStoreOptions {
  /** A file, created when it is not there; other processes may use it at the same time. `:memory:` for one that nobody shares. */
  filename: string;
  /** `NORMAL`: accepted writes survive a crash of the process; `FULL`: of the machine, too, at about five times the cost of a single write. Default `NORMAL`. */
  synchronous?: "NORMAL" | "FULL";
  /** Its time is the store's; all processes of one file should agree on it. The system's. */
  clock?: Clock;
  /** How long a call waits for other processes to finish writing before it rejects with `StoreUnavailableError`; 5 000. */
  busyTimeoutMs?: number;
  /** How often watchers look for changes of other processes, beside whenever the system tells that the file was written; 50. */
  noticeDelayMs?: number;
}

/** The part of `DatabaseSync` of `node:sqlite` that an application needs to write with a store's transaction. */
export interface SqliteDatabaseLike {
  exec(sql: string): void;
  prepare(sql: string): {
    run(...values: (null | number | bigint | string | Uint8Array)[]): unknown;
    get(...values: (null | number | bigint | string | Uint8Array)[]): unknown;
    all(...values: (null | number | bigint | string | Uint8Array)[]): unknown[];
  };
}

/** A transaction of the application, to be given to `start`. It ends with the callback. */
export interface SqliteTransaction {
  /** The store's own connection: what is written with it commits or rolls back together with the starts. */
  readonly database: SqliteDatabaseLike;
  /** Nothing of it is committed, and `store.transaction` rejects with the first error that was told. A refused start does this. */
  refuse(error: unknown): void;
  /** It is open, and something was refused. */
  readonly refused: boolean;
}

/** A store in a SQLite file. */
export interface SqliteStore extends ExecutionStore {
  /**
   * Runs `write` in one transaction: all of it is committed before this resolves, or, when `write` throws or a start within is refused,
   * nothing; then it rejects with what was thrown, or with what the start was refused for.
   *
   * @throws {UnsupportedOperationError} when `write` returns a promise: SQLite cannot wait for one within a transaction.
   * @example
   * ```ts
   * await store.transaction((tx) => {
   *   tx.database.prepare("INSERT INTO orders VALUES (?)").run(orderId);
   *   void coordinator.start({ orderId }, { transaction: tx });
   * });
   * ```
   */
  transaction<Result>(write: (transaction: SqliteTransaction) => Result): Promise<Result>;
}

interface OpenTransaction {
  readonly session: SqliteSession;
  readonly told: { name: string; notice: StoreNotice }[];
  open: boolean;
  refusal: { readonly error: unknown } | undefined;
}

/** What a SQLite store with these options can do. */
export function sqliteStoreCapabilities({
  filename,
  synchronous,
}: Pick<SqliteStoreOptions, "filename" | "synchronous">): StoreCapabilities {
  const isShared = filename !== ":memory:";
  return {
    shared: isShared,
    durability: !isShared ? "none" : synchronous === "FULL" ? "power" : "process",
    notices: "polled",
    transactions: "handle",
    roundRobin: "process",
    groupLimits: true,
    rateLimits: true,
    maxPayloadBytes: 100_000_000,
  };
}

const checkOptions = check.fields(
  {
    filename: check.text,
    synchronous: check.oneOf("NORMAL", "FULL"),
    clock: check.clock,
    busyTimeoutMs: check.milliseconds,
    noticeDelayMs: check.milliseconds,
  },
  ["filename"],
);

/**
 * A store in a SQLite file, on `node:sqlite`. The file is opened by the first call.
 *
 * @throws {InvalidOptionsError}
 */
export function createSqliteStore(options: SqliteStoreOptions): SqliteStore {
  checkOptions(options, "options");
  const { filename, synchronous = "NORMAL", clock = createSystemClock(), busyTimeoutMs = 5_000, noticeDelayMs = 50 } = options;
  const writer = new SqliteWriter({ filename, synchronous, clock, busyTimeoutMs, committed: () => notices.committed() });
  const watchers = new StoreWatchers();
  const spaces = new Map<string, SqliteSpace>();
  const transactions = new WeakMap<SqliteTransaction, OpenTransaction>();
  const isShared = filename !== ":memory:";
  const read = writer.peek.bind(writer);
  const notices = new SqliteNotices({ filename, clock, watchers, delayMs: noticeDelayMs, read });

  const spaceOf = (session: SqliteSession, name: string): SqliteSpace => {
    const space = spaces.get(name) ?? new SqliteSpace(session, name);
    spaces.set(name, space);
    return space;
  };

  async function call<Result>(kind: "read" | "write", name: string, work: RecordWork<Result>): Promise<Result> {
    let told: StoreNotice[] = [];
    const result = await writer.call(kind, (session) => {
      told = [];
      return work(spaceOf(session, name), clock.now(), (notice) => told.push(notice));
    });
    for (const notice of told) watchers.tell(name, notice);
    return result;
  }

  return {
    capabilities: sqliteStoreCapabilities(options),
    ...recordMethods({ read: (name, work) => call("read", name, work), write: (name, work) => call("write", name, work) }),

    async insert(request) {
      if (request.transaction === undefined) return call("write", request.name, insertWork(request));
      const transaction = transactions.get(request.transaction as SqliteTransaction);
      if (!transaction?.open)
        throw new UnsupportedOperationError("expected an open transaction that store.transaction of the same store gave");
      const { session, told } = transaction;
      const tell = (notice: StoreNotice) => void told.push({ name: request.name, notice });
      const reports = insertWork(request)(spaceOf(session, request.name), clock.now(), tell);
      request.reported?.(reports);
      return reports;
    },

    async transaction(write) {
      const told: OpenTransaction["told"] = [];
      const result = await writer.call("write", (session) => inTransaction(session, told, write), true);
      for (const { name, notice } of told) watchers.tell(name, notice);
      return result;
    },

    async watch(request, listener) {
      await writer.call("read", () => {});
      const watch = watchers.watch(request, listener);
      if (isShared) notices.start();
      return watch;
    },

    async close() {
      notices.stop();
      await writer.close();
    },
  };

  function inTransaction<Result>(
    session: SqliteSession,
    told: OpenTransaction["told"],
    write: (transaction: SqliteTransaction) => Result,
  ): Result {
    const transaction: OpenTransaction = { session, told, open: true, refusal: undefined };
    const handle: SqliteTransaction = {
      database: session.database as unknown as SqliteDatabaseLike,
      refuse: (error) => {
        transaction.refusal ??= { error };
      },
      get refused() {
        return transaction.open && transaction.refusal !== undefined;
      },
    };
    transactions.set(handle, transaction);
    try {
      const result = write(handle);
      if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
        throw new UnsupportedOperationError(
          "the callback of store.transaction returned a promise; SQLite cannot wait for one within a transaction",
        );
      }
      if (!session.database.isTransaction)
        throw new StoreUnavailableError("the callback of store.transaction ended the transaction itself");
      if (transaction.refusal !== undefined) throw transaction.refusal.error;
      return result;
    } finally {
      transaction.open = false;
    }
  }
}
