import * as check from "../model/option-check.ts";
import { UnsupportedOperationError } from "../model/store-errors.ts";
import type { NewExecution } from "../model/stored-execution.ts";
import type { InsertReport } from "../ports/store-insert.ts";
import type { DurableStartEntry } from "./durable-coordinator.ts";
import { type DurableHints, toHint } from "./durable-hints.ts";
import type { DurableStartOptions } from "./durable-options.ts";
import { type StartDefaults, toNewExecution } from "./durable-start.ts";
import { refusing } from "./durable-transaction.ts";
import type { DurableWrites } from "./durable-writes.ts";

export interface DurableStartsOptions {
  readonly defaults: StartDefaults;
  readonly writes: DurableWrites;
  readonly hints: DurableHints | undefined;
  /** They are about to be written: a worker may be faster than the answer. */
  starting(id: string): void;
  /** It is written; `queuedAt` is undefined where it was refused. */
  started(id: string, queuedAt: number | undefined): void;
  /** It is to be cancelled when the signal is aborted; `isStored`: it can be waited for. */
  cancelOnAbort(id: string, signal: AbortSignal, isStored: boolean): void;
}

/** Writes what users start, and publishes it where there is a queue. What a transaction has not committed yet is not published. */
export class DurableStarts {
  readonly #options: DurableStartsOptions;

  constructor(options: DurableStartsOptions) {
    this.#options = options;
  }

  async start(input: unknown, options: DurableStartOptions): Promise<string> {
    const { defaults, writes, hints, starting } = this.#options;
    const transaction = (options as DurableStartOptions | null)?.transaction;
    const made = refusing(transaction, () => toNewExecution(input, options, "", defaults));
    if (transaction === undefined) {
      const execution = made instanceof Promise ? await made : made;
      starting(execution.id);
      let report: InsertReport | undefined;
      try {
        const written = await writes.start(execution);
        report = written.report;
        if (report.inserted) await hints?.publish([toHint(execution)]);
        return written.id;
      } finally {
        this.#wrote(execution, options, report, false);
      }
    }
    refusing(transaction, () => this.#checkTransactions());
    const executions = [made as NewExecution];
    // No await before this: a store with handles writes while the caller's transaction is open.
    const { ids } = await this.#writing(executions, [options], true, () => writes.startWithin(transaction, executions));
    return ids[0] as string;
  }

  async startMany(entries: readonly DurableStartEntry<unknown>[], transaction: unknown): Promise<string[]> {
    const { writes } = this.#options;
    const { options, made } = refusing(transaction, () => this.#made(entries, transaction));
    if (made.length === 0) return [];
    const executions = transaction === undefined ? await Promise.all(made) : (made as NewExecution[]);
    const { ids } = await this.#writing(executions, options, transaction !== undefined, () =>
      transaction === undefined ? this.#startAll(executions) : writes.startWithin(transaction, executions),
    );
    return ids;
  }

  #made(entries: readonly DurableStartEntry<unknown>[], transaction: unknown) {
    check.listOf(check.fields({ input: () => {}, options: () => {} }))(entries, "entries");
    const options = entries.map((entry) => entry.options ?? {});
    const made = entries.map(({ input }, index) => {
      const all = { ...options[index], ...(transaction !== undefined && { transaction }) };
      return toNewExecution(input, all, `entries[${index}].`, this.#options.defaults);
    });
    if (made.length > 0 && transaction !== undefined) this.#checkTransactions();
    return { options, made };
  }

  async #startAll(executions: readonly NewExecution[]): ReturnType<DurableWrites["startAll"]> {
    const { writes, hints } = this.#options;
    const written = await writes.startAll(executions);
    await hints?.publish(executions.filter((_, index) => written.reports[index]?.inserted).map(toHint));
    return written;
  }

  async #writing<Written extends { readonly reports: readonly InsertReport[] }>(
    executions: readonly NewExecution[],
    options: readonly DurableStartOptions[],
    isWithin: boolean,
    write: () => Promise<Written>,
  ): Promise<Written> {
    let reports: readonly InsertReport[] = [];
    if (!isWithin) for (const { id } of executions) this.#options.starting(id);
    try {
      const written = await write();
      ({ reports } = written);
      return written;
    } finally {
      for (const [index, execution] of executions.entries()) this.#wrote(execution, options[index] ?? {}, reports[index], isWithin);
    }
  }

  /** What is written within a transaction of the caller may be rolled back: nobody is told of it. */
  #wrote({ id }: NewExecution, { signal }: DurableStartOptions, report: InsertReport | undefined, isWithin: boolean): void {
    const { started, cancelOnAbort } = this.#options;
    if (!isWithin) started(id, report?.inserted ? report.queuedAt : undefined);
    if (report?.inserted && signal !== undefined) cancelOnAbort(id, signal, !isWithin);
  }

  #checkTransactions(): void {
    if (this.#options.defaults.options.store.capabilities.transactions !== "none") return;
    throw new UnsupportedOperationError("this store cannot start an execution within a transaction of the caller");
  }
}
