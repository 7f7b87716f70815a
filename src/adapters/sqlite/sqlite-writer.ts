import { ActorfleetError, CoordinatorClosedError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { SqliteSession } from "./sqlite-session.ts";

/** One call that waits for its turn. */
interface Turn {
  readonly kind: "read" | "write";
  /** Shares a transaction with no other call. */
  readonly alone: boolean;
  run(session: SqliteSession): void;
  /** Called once the transaction has been committed. */
  done(): void;
  failed(error: unknown): void;
}

export interface SqliteWriterOptions {
  readonly filename: string;
  readonly synchronous: "NORMAL" | "FULL";
  readonly clock: Clock;
  /** How long a call waits for other processes to finish writing. */
  readonly busyTimeoutMs: number;
}

/** Runs calls in order; those of one tick share a transaction, in which each succeeds or fails for itself. */
export class SqliteWriter {
  readonly #options: SqliteWriterOptions;
  #session: SqliteSession | undefined;
  #turns: Turn[] = [];
  #scheduled = false;
  #busySince: number | undefined;
  #closed = false;

  constructor(options: SqliteWriterOptions) {
    this.#options = options;
  }

  call<Result>(kind: "read" | "write", work: (session: SqliteSession) => Result, alone = false): Promise<Result> {
    if (this.#closed) return Promise.reject(new CoordinatorClosedError("the SQLite store is closed"));
    return new Promise((resolve, reject) => {
      let result: Result;
      const run = (session: SqliteSession) => {
        result = work(session);
      };
      this.#turns.push({ kind, alone, run, done: () => resolve(result), failed: (error) => reject(toStoreError(error)) });
      this.#schedule();
    });
  }

  /** A number that changes when another connection commits; undefined while the file is not open. */
  dataVersion(): number | undefined {
    return this.#session?.get<{ data_version: number }>("PRAGMA data_version")?.data_version;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    for (const turn of this.#turns.splice(0)) turn.failed(new CoordinatorClosedError("the SQLite store was closed"));
    this.#session?.database.close();
    this.#session = undefined;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    while (this.#turns.length > 0 && !this.#closed && !this.#scheduled) this.#runBatch();
  }

  #runBatch(): void {
    const alone = this.#turns[0]?.alone === true;
    const firstAlone = this.#turns.findIndex((turn) => turn.alone);
    const count = alone ? 1 : firstAlone < 0 ? this.#turns.length : firstAlone;
    const batch = this.#turns.slice(0, count);
    let session: SqliteSession;
    try {
      session = this.#open();
      session.begin(batch.some(({ kind }) => kind === "write") ? "write" : "read");
    } catch (error) {
      if (isBusy(error) && this.#waitsStill()) {
        this.#comeBack();
        return;
      }
      this.#busySince = undefined;
      this.#turns.splice(0, count);
      for (const turn of batch) turn.failed(error);
      return;
    }
    this.#busySince = undefined;
    this.#turns.splice(0, count);
    runInTransaction(session, batch);
  }

  #open(): SqliteSession {
    this.#session ??= new SqliteSession(this.#options.filename, this.#options.synchronous);
    return this.#session;
  }

  #waitsStill(): boolean {
    const now = this.#options.clock.monotonicNow();
    this.#busySince ??= now;
    return now - this.#busySince < this.#options.busyTimeoutMs;
  }

  #comeBack(): void {
    this.#scheduled = true;
    const waitedMs = this.#options.clock.monotonicNow() - (this.#busySince ?? 0);
    this.#options.clock.setTimeout(() => this.#flush(), Math.min(25, 1 + waitedMs / 4));
  }
}

function runInTransaction(session: SqliteSession, batch: readonly Turn[]): void {
  const succeeded: Turn[] = [];
  try {
    for (const turn of batch) {
      if (batch.length > 1) session.run("SAVEPOINT one_call");
      try {
        turn.run(session);
        succeeded.push(turn);
      } catch (error) {
        turn.failed(error);
        if (batch.length === 1) {
          session.rollback();
          return;
        }
        // A full disk may have ended the whole transaction, and the savepoint with it.
        if (!session.database.isTransaction) throw error;
        session.run("ROLLBACK TO one_call");
      }
      if (batch.length > 1) session.run("RELEASE one_call");
    }
    session.commit();
  } catch (error) {
    session.rollback();
    // Turns that failed already ignore this.
    for (const turn of batch) turn.failed(error);
    return;
  }
  for (const turn of succeeded) turn.done();
}

function errorCode(error: unknown): number | undefined {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function isBusy(error: unknown): boolean {
  const code = errorCode(error);
  return code === 5 || code === 6;
}

/** Busy, locked, out of memory, read-only, interrupted, I/O error, full, cannot open, protocol: the file, not the call. */
const unavailable = new Set([5, 6, 7, 8, 9, 10, 13, 14, 15]);

function toStoreError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error)) return error;
  const code = errorCode(error);
  if (code === undefined || !unavailable.has(code)) return error;
  return new StoreUnavailableError(`SQLite: ${(error as Error).message}`, error);
}
