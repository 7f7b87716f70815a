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
  /** Writes that may be under way; 1. With more, the order of items does not matter. */
  readonly atOnce?: number;
  write(items: readonly Item[]): Promise<readonly Report[]>;
  /** Asked before each try: a report for what is not to be written any more, undefined for what is. */
  withdrawn?(item: Item): Report | undefined;
  /** Whether to try again after the store could not be reached. */
  goesOn(failures: number): boolean;
}

/** Fewer items are not worth a write of their own beside another one. */
const minShare = 16;

/**
 * Writes together what comes in the same tick, and what comes while as many writes are under way as may be. With less under way, a write
 * waits for nothing but the end of the tick. Where there may be two, the first is for one half, so that one half is worked on here while
 * the store works on the other.
 */
export class WriteBatch<Item, Report> {
  readonly #options: WriteBatchOptions<Item, Report>;
  #pending: Pending<Item, Report>[] = [];
  #underWay = 0;
  #scheduled = false;

  constructor(options: WriteBatchOptions<Item, Report>) {
    this.#options = options;
  }

  /** Resolves to the store's report of this item. */
  add(item: Item): Promise<Report> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ item, resolve, reject });
      if (this.#scheduled || !this.#mayWrite) return;
      this.#scheduled = true;
      queueMicrotask(() => void this.#endOfTick());
    });
  }

  get #mayWrite(): boolean {
    return this.#pending.length >= (this.#underWay === 0 ? 1 : minShare) && this.#underWay < this.#atOnce;
  }

  get #atOnce(): number {
    return this.#options.atOnce ?? 1;
  }

  async #endOfTick(): Promise<void> {
    // One more turn of the queue of microtasks: what settles together is written together.
    await undefined;
    this.#scheduled = false;
    this.#writeNext();
  }

  #writeNext(): void {
    while (this.#mayWrite) {
      const share = Math.max(minShare, Math.ceil(this.#pending.length / (this.#atOnce - this.#underWay)));
      this.#underWay += 1;
      void this.#write(this.#pending.splice(0, Math.min(this.#options.maxSize, share))).finally(() => {
        this.#underWay -= 1;
        this.#writeNext();
      });
    }
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
