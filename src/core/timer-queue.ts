import type { Clock } from "../ports/clock.ts";
import { type HeapItem, IndexedHeap } from "./indexed-heap.ts";

export interface Timer extends HeapItem {
  readonly dueAt: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * All timers of a supervisor behind one timer of the clock, in the order in which they are due. Measured on the monotonic time, so that
 * somebody who sets the machine's clock moves none of them.
 */
export class TimerQueue {
  readonly #clock: Clock;
  readonly #wake: () => void;
  readonly #timers = new IndexedHeap<Timer>((a, b) => (a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt));
  #orders = 0;
  #armed: unknown;
  #armedFor = Number.POSITIVE_INFINITY;

  /** `wake` is called when something is due; it must call `runDue`. */
  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  set(run: () => void, delayMs: number): Timer {
    const timer: Timer = { dueAt: this.#clock.monotonicNow() + delayMs, order: this.#orders++, run, heapIndex: -1 };
    this.#timers.push(timer);
    if (timer.dueAt < this.#armedFor) this.#arm();
    return timer;
  }

  clear(timer: Timer): void {
    this.#timers.remove(timer);
    if (this.#timers.size === 0) this.#disarm();
  }

  remainingMs(timer: Timer): number {
    return Math.max(0, timer.dueAt - this.#clock.monotonicNow());
  }

  /** Runs what is due, but nothing that was set meanwhile: that has a turn of its own. */
  runDue(): void {
    this.#disarm();
    const now = this.#clock.monotonicNow();
    const firstNew = this.#orders;
    for (
      let timer = this.#timers.peek();
      timer !== undefined && timer.dueAt <= now && timer.order < firstNew;
      timer = this.#timers.peek()
    ) {
      this.#timers.remove(timer);
      timer.run();
    }
    this.#arm();
  }

  clearAll(): void {
    for (const timer of [...this.#timers.values()]) this.#timers.remove(timer);
    this.#disarm();
  }

  #arm(): void {
    this.#disarm();
    const next = this.#timers.peek();
    if (next === undefined) return;
    this.#armedFor = next.dueAt;
    this.#armed = this.#clock.setTimeout(this.#wake, Math.max(0, next.dueAt - this.#clock.monotonicNow()));
  }

  #disarm(): void {
    if (this.#armedFor === Number.POSITIVE_INFINITY) return;
    this.#clock.clearTimeout(this.#armed);
    this.#armedFor = Number.POSITIVE_INFINITY;
  }
}
