import type { Clock } from "../ports/clock.ts";
import type { ExecutionRecord } from "./execution-record.ts";
import { IndexedHeap } from "./indexed-heap.ts";

const none: ExecutionRecord[] = [];

/** The records of executions that ended, the one that ended first in front. */
export class Archive {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxCount: number;
  readonly #wake: () => void;
  readonly #records = new IndexedHeap<ExecutionRecord>((a, b) => {
    const difference = endOf(a) - endOf(b);
    return difference === 0 ? a.sequence < b.sequence : difference < 0;
  });
  #timer: unknown;
  #armed = false;

  /** `wake` is called when a record may be too old; it must ask for `expired`. */
  constructor(clock: Clock, limits: { maxAgeMs: number; maxCount: number }, wake: () => void) {
    this.#clock = clock;
    this.#maxAgeMs = limits.maxAgeMs;
    this.#maxCount = limits.maxCount;
    this.#wake = wake;
  }

  add(record: ExecutionRecord): void {
    this.#records.push(record);
    this.#arm();
  }

  /** Takes out what is too old. */
  expired(): ExecutionRecord[] {
    const expired = this.olderThan(this.#maxAgeMs);
    this.#arm();
    return expired;
  }

  /** Takes out what is too much. */
  surplus(): ExecutionRecord[] {
    return this.#records.size > this.#maxCount ? this.#takeWhile(() => this.#records.size > this.#maxCount) : none;
  }

  /** Takes out what ended strictly more than `ageMs` ago. */
  olderThan(ageMs: number): ExecutionRecord[] {
    const now = this.#clock.now();
    return this.#takeWhile((record) => now - endOf(record) > ageMs);
  }

  /** In the order in which they ended. */
  values(): ExecutionRecord[] {
    return [...this.#records.values()].sort((a, b) => endOf(a) - endOf(b) || a.sequence - b.sequence);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#armed = true;
  }

  #takeWhile(goes: (record: ExecutionRecord) => boolean): ExecutionRecord[] {
    const taken: ExecutionRecord[] = [];
    for (let record = this.#records.peek(); record !== undefined && goes(record); record = this.#records.peek()) {
      this.#records.remove(record);
      taken.push(record);
    }
    return taken;
  }

  #arm(): void {
    const oldest = this.#records.peek();
    if (this.#armed || oldest === undefined || this.#maxAgeMs === Number.POSITIVE_INFINITY) return;
    this.#armed = true;
    const dueInMs = Math.max(1, endOf(oldest) + this.#maxAgeMs + 1 - this.#clock.now());
    const run = () => {
      this.#armed = false;
      this.#wake();
    };
    this.#timer = this.#clock.setTimeout(run, dueInMs, true);
  }
}

function endOf(record: ExecutionRecord): number {
  return record.final?.info.completedAt ?? 0;
}
