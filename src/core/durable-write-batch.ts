import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Patience } from "./durable-patience.ts";

interface Pending<Item, Report> {
  readonly item: Item;
  resolve(report: Report): void;
  reject(error: unknown): void;
}

/** How a batch is written. */
export interface WriteBatchOptions<Item, Report> {
  readonly patience: Patience;
  readonly maxSize: number;
  write(items: readonly Item[]): Promise<readonly Report[]>;
  /** Asked before each try: a report for what is not to be written any more, undefined for what is. */
  withdrawn?(item: Item): Report | undefined;
  /** Whether to try again after the store could not be reached. */
  goesOn(failures: number): boolean;
}

/**
 * Writes together what comes in the same tick, and what comes while a write is under way. With nothing under way, a write waits for
 * nothing but the end of the tick.
 */
export class WriteBatch<Item, Report> {
  readonly #options: WriteBatchOptions<Item, Report>;
  #pending: Pending<Item, Report>[] = [];
  #writing = false;

  constructor(options: WriteBatchOptions<Item, Report>) {
    this.#options = options;
  }

  /** Resolves to the store's report of this item. */
  add(item: Item): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      if (this.#writing) return;
      this.#writing = true;
      queueMicrotask(() => void this.#writeAll());
    });
  }

  async #writeAll(): Promise<void> {
    // One more turn of the queue of microtasks: what settles together is written together.
    await undefined;
    while (this.#pending.length > 0) await this.#write(this.#pending.splice(0, this.#options.maxSize));
    this.#writing = false;
  }

  async #write(batch: Pending<Item, Report>[]): Promise<void> {
    const { patience, write, goesOn } = this.#options;
    let left = batch;
    for (let failures = 1; ; failures++) {
      left = this.#withoutWithdrawn(left);
      if (left.length === 0) return;
      try {
        const reports = await write(left.map(({ item }) => item));
        for (const [index, { resolve }] of left.entries()) resolve(reports[index] as Report);
        return;
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || patience.isOver || !goesOn(failures)) {
          for (const { reject } of left) reject(error);
          return;
        }
        await patience.pause(failures);
      }
    }
  }

  #withoutWithdrawn(batch: Pending<Item, Report>[]): Pending<Item, Report>[] {
    const { withdrawn } = this.#options;
    if (withdrawn === undefined) return batch;
    return batch.filter(({ item, resolve }) => {
      const report = withdrawn(item);
      if (report !== undefined) resolve(report);
      return report === undefined;
    });
  }
}
