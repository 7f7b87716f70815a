import type { EventObject } from "xstate";
import { SerializationError } from "../model/errors.ts";
import type { SendResult } from "../model/execution.ts";
import { toJsonText } from "../model/json-text.ts";
import type { NewExecution } from "../model/stored-execution.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { InsertReport } from "../ports/store-insert.ts";
import type { AppendSignalReport, CancelReport, CancelRequest, NewSignal } from "../ports/store-message.ts";
import type { Patience } from "./durable-patience.ts";
import { refusalOf, startedId } from "./durable-start.ts";
import { refuseTransaction } from "./durable-transaction.ts";
import { WriteBatch } from "./durable-write-batch.ts";

/** Items of one write at most. */
const maxWrites = 500;
/** Tries before a user is told that the store cannot be reached; with growing pauses, about five seconds. */
const maxFailures = 10;

export interface DurableWritesOptions {
  readonly store: ExecutionStore;
  readonly name: string;
  readonly clock: Clock;
  readonly patience: Patience;
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  generateId(): string;
  /** What this process would run at once does not count as queued. */
  freeSlots(): number;
}

/** What users write: starts, cancels and signals, those of one tick together. */
export class DurableWrites {
  readonly #options: DurableWritesOptions;
  readonly #inserts: WriteBatch<NewExecution, InsertReport>;
  readonly #cancels: WriteBatch<CancelRequest["cancels"][number], CancelReport>;
  readonly #signals: WriteBatch<NewSignal, AppendSignalReport>;

  constructor(options: DurableWritesOptions) {
    this.#options = options;
    const { store, name, patience } = options;
    const batch = { patience, maxSize: maxWrites, goesOn: (failures: number) => failures < maxFailures };
    this.#inserts = new WriteBatch<NewExecution, InsertReport>({
      ...batch,
      write: (executions) => store.insert({ name, executions, ...this.#limit() }),
    });
    this.#cancels = new WriteBatch<CancelRequest["cancels"][number], CancelReport>({
      ...batch,
      write: (cancels) => store.requestCancel({ name, cancels }),
    });
    this.#signals = new WriteBatch<NewSignal, AppendSignalReport>({
      ...batch,
      write: (signals) => store.appendSignals({ name, signals }),
    });
  }

  async start(execution: NewExecution): Promise<{ id: string; report: InsertReport }> {
    const report = await this.#inserts.add(execution);
    return { id: startedId(execution, report, this.#options), report };
  }

  /** All or none; what an idempotency key stands for already is as good as written. */
  async startAll(executions: readonly NewExecution[]): Promise<{ ids: string[]; reports: readonly InsertReport[] }> {
    const { store, name, patience } = this.#options;
    return this.#started(executions, await patience.call(() => store.insert({ name, executions, atomic: true, ...this.#limit() })));
  }

  /** With the caller's transaction: asks the store before it returns, and once. */
  async startWithin(
    transaction: unknown,
    executions: readonly NewExecution[],
  ): Promise<{ ids: string[]; reports: readonly InsertReport[] }> {
    const { store, name } = this.#options;
    const reported = (reports: readonly InsertReport[]) => {
      try {
        this.#started(executions, reports);
      } catch (error) {
        refuseTransaction(transaction, error);
      }
    };
    const reports = await store.insert({ name, executions, atomic: executions.length > 1, ...this.#limit(), transaction, reported });
    return this.#started(executions, reports);
  }

  async cancel(id: string, reason: string | undefined): Promise<CancelReport> {
    return this.#cancels.add({ id, token: this.#options.generateId(), ...(reason !== undefined && { reason }) });
  }

  /** @throws {SerializationError} */
  async send(id: string, event: EventObject): Promise<SendResult> {
    const report = await this.#signals.add({ id, token: this.#options.generateId(), body: toJsonText(event, "event") });
    if (report.accepted) return { accepted: true };
    if (report.reason === "unstorable") throw new SerializationError("event", "the store cannot keep it, it may be too large");
    return { accepted: false, reason: report.reason, accepts: [] };
  }

  /** Throws what refused the whole, where one was refused. */
  #started(executions: readonly NewExecution[], reports: readonly InsertReport[]): { ids: string[]; reports: readonly InsertReport[] } {
    const idOf = (index: number) => startedId(executions[index] as NewExecution, reports[index] as InsertReport, this.#options);
    const refused = refusalOf(reports);
    if (refused >= 0) idOf(refused);
    return { ids: executions.map((_, index) => idOf(index)), reports };
  }

  #limit(): { maxQueued?: number } {
    const { maxQueued, freeSlots } = this.#options;
    return maxQueued === Number.POSITIVE_INFINITY ? {} : { maxQueued: maxQueued + freeSlots() };
  }
}
