import type { Clock } from "../ports/clock.ts";
import type { ExecutionRecord } from "./execution-record.ts";

interface Entry {
  readonly record: ExecutionRecord;
  /** On the monotonic clock, so that nobody who sets the machine's clock changes an age. */
  readonly endedAt: number;
}

const none: ExecutionRecord[] = [];

/** The records of executions that ended, in the order in which they did. */
export class Archive {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #maxCount: number;
  readonly #wake: () => void;
  #entries: (Entry | undefined)[] = [];
  #head = 0;
  #timer: unknown;
  #armed = false;

  /** `wake` is called when a record may be too old; it must ask for `expired`. */
  constructor(clock: Clock, limits: { maxAgeMs: number; maxCount: number }, wake: () => void) {
    this.#clock = clock;
    this.#maxAgeMs = limits.maxAgeMs;
    this.#maxCount = limits.maxCount;
    this.#wake = wake;
  }

  /** `ageMs`: how long ago it ended. */
  add(record: ExecutionRecord, ageMs = 0): void {
    this.#entries.push({ record, endedAt: this.#clock.monotonicNow() - ageMs });
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
    const surplus = this.#entries.length - this.#head - this.#maxCount;
    return surplus > 0 ? this.#take(surplus) : none;
  }

  /** Takes out what ended strictly more than `ageMs` ago. */
  olderThan(ageMs: number): ExecutionRecord[] {
    const now = this.#clock.monotonicNow();
    let end = this.#head;
    while (now - (this.#entries[end]?.endedAt ?? now) > ageMs) end += 1;
    return this.#take(end - this.#head);
  }

  stop(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#armed = true;
  }

  #take(count: number): ExecutionRecord[] {
    const taken: ExecutionRecord[] = [];
    for (const end = this.#head + count; this.#head < end; this.#head += 1) {
      taken.push((this.#entries[this.#head] as Entry).record);
      this.#entries[this.#head] = undefined;
    }
    // The empty places go in one go, seldom enough to cost nothing.
    if (this.#head > this.#entries.length / 2) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  #arm(): void {
    const oldest = this.#entries[this.#head];
    if (this.#armed || oldest === undefined || this.#maxAgeMs === Number.POSITIVE_INFINITY) return;
    this.#armed = true;
    const dueInMs = Math.max(1, oldest.endedAt + this.#maxAgeMs + 1 - this.#clock.monotonicNow());
    const run = () => {
      this.#armed = false;
      this.#wake();
    };
    this.#timer = this.#clock.setTimeout(run, dueInMs, true);
  }
}
