import { ActorfleetError, CoordinatorClosedError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import { SqliteSession } from "./sqlite-session.ts";

/** One call that waits for its turn. */
interface Turn {
  readonly kind: "read" | "write";
  /** Shares a transaction with no other call. */
  readonly alone: boolean;
  /** Called again when its transaction failed because of another one. */
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
  /** It has written. */
  committed(): void;
}

/**
 * Runs calls in order; those of one turn of the event loop share a transaction, in which each succeeds or fails for itself. Waiting for the
 * turn to end gathers what different executions write, and lets timers and connections have theirs however much there is to write.
 */
export class SqliteWriter {
  readonly #options: SqliteWriterOptions;
  #session: SqliteSession | undefined;
  #turns: Turn[] = [];
  #scheduled = false;
  /** So many of the first turns were together in a transaction that failed, and have one each now. */
  #separate = 0;
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

  /** Reads at once, between two transactions; undefined while the file is not open. */
  peek<Result>(work: (session: SqliteSession) => Result): Result | undefined {
    return this.#session && work(this.#session);
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
    const flush = () => this.#flush();
    const { clock } = this.#options;
    if (clock.setImmediate === undefined) queueMicrotask(flush);
    else clock.setImmediate(flush);
  }

  #flush(): void {
    this.#scheduled = false;
    while (this.#turns.length > 0 && !this.#closed && !this.#scheduled) this.#runBatch();
  }

  #runBatch(): void {
    const batch = this.#turns.slice(0, this.#batchSize());
    const kind = batch.some((turn) => turn.kind === "write") ? "write" : "read";
    let session: SqliteSession;
    try {
      session = this.#open();
      session.begin(kind);
    } catch (error) {
      if (isBusy(error) && this.#waitsStill()) {
        this.#comeBack();
        return;
      }
      this.#take(batch);
      for (const turn of batch) turn.failed(error);
      return;
    }
    try {
      for (const turn of batch) turn.run(session);
      session.commit();
      if (kind === "write") this.#options.committed();
    } catch (error) {
      session.rollback();
      if (batch.length > 1) {
        this.#separate = batch.length;
        return;
      }
      this.#take(batch);
      for (const turn of batch) turn.failed(error);
      return;
    }
    this.#take(batch);
    for (const turn of batch) turn.done();
  }

  #batchSize(): number {
    if (this.#separate > 0 || this.#turns[0]?.alone) return 1;
    const firstAlone = this.#turns.findIndex((turn) => turn.alone);
    return firstAlone < 0 ? this.#turns.length : firstAlone;
  }

  /** Their turn is over. */
  #take(batch: readonly Turn[]): void {
    this.#busySince = undefined;
    this.#turns.splice(0, batch.length);
    this.#separate = Math.max(0, this.#separate - 1);
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
