import { IndexedHeap } from "../core/indexed-heap.ts";
import { InvalidOptionsError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";

/** How a `VirtualClock` begins. */
export interface VirtualClockOptions {
  /** What `now()` says at first, in epoch milliseconds; 0. */
  now?: number;
}

interface VirtualTimer {
  readonly clock: VirtualClock;
  readonly run: () => void;
  /** On the monotonic scale, so that setting the wall clock moves no timer. */
  readonly dueAt: number;
  /** Orders timers that are due at the same instant. */
  readonly sequence: number;
  heapIndex: number;
}

/** Waits until no promise work is left that could run now. */
type Drain = () => Promise<void>;

/**
 * A clock on which time stands still until a test moves it. It fits wherever the library takes a `Clock`, and wherever XState takes one.
 *
 * Timers run one by one, each at exactly its own due time (`now()` says so while it runs), in the order they were set where they are due
 * together. Before the first and after each of them all promise work is run that can run, as a real event loop does between two timers;
 * timers set by a timer or by promise work run in the same `advance` when they are due in it. What waits for input or output (files,
 * sockets, other threads) is not waited for.
 *
 * `advance`, `advanceTo`, `runNext` and `settle` called at the same time take turns in the order of their calls.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock();
 * let rang = 0;
 * clock.setTimeout(() => (rang = clock.now()), 1_000);
 * await clock.advance(5_000);
 * // rang is 1000, clock.now() is 5000
 * ```
 */
export class VirtualClock implements Clock {
  readonly #timers = new IndexedHeap<VirtualTimer>((a, b) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.sequence < b.sequence));
  #elapsedMs = 0;
  #epochAt: number;
  #sequence = 0;
  #turns: Promise<unknown> = Promise.resolve();

  constructor({ now = 0 }: VirtualClockOptions = {}) {
    this.#epochAt = finite("now", now);
  }

  now(): number {
    return this.#epochAt + this.#elapsedMs;
  }

  /** Milliseconds since the clock was made; `jump` does not change it. */
  monotonicNow(): number {
    return this.#elapsedMs;
  }

  /** How many timers are set and have neither run nor been cleared. */
  get pending(): number {
    return this.#timers.size;
  }

  /** When `now()` will be as the next timer runs; undefined without one. */
  get nextAt(): number | undefined {
    const next = this.#timers.peek();
    return next && this.#epochAt + next.dueAt;
  }

  /** A delay that is negative or no number counts as 0; one of `Infinity` never ends. */
  setTimeout(run: () => void, delayMs: number): unknown {
    const dueAt = this.#elapsedMs + Math.max(delayMs || 0, 0);
    const timer: VirtualTimer = { clock: this, run, dueAt, sequence: this.#sequence++, heapIndex: -1 };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    // A timer of another clock is unknown here; taking it out of this heap would take out a stranger.
    if (isTimerOf(this, timer)) this.#timers.remove(timer);
  }

  /**
   * Lets `ms` milliseconds pass, 0 or more, and runs what is due in them.
   *
   * When a timer throws, `advance` rejects with that error, once promise work has settled; time stays at that timer's instant, all other
   * timers stay set, and the next call goes on from there.
   */
  async advance(ms: number): Promise<void> {
    if (!(finite("ms", ms) >= 0)) throw new InvalidOptionsError({ field: "ms", expected: "a number from 0 up", received: ms });
    return this.#inTurn((drain) => this.#passUntil(this.#elapsedMs + ms, drain));
  }

  /** Lets time pass until `now()` is `at`, as `advance` does. An instant that is past by then is refused. */
  async advanceTo(at: number): Promise<void> {
    finite("at", at);
    return this.#inTurn((drain) => {
      if (at < this.now()) throw new InvalidOptionsError({ field: "at", expected: `an instant from ${this.now()} on`, received: at });
      return this.#passUntil(at - this.#epochAt, drain);
    });
  }

  /** Lets time pass just until the next timer and runs that one; false when there is none. Rejects when it throws, as `advance` does. */
  async runNext(): Promise<boolean> {
    return this.#inTurn(async (drain) => {
      await drain();
      const next = this.#timers.peek();
      if (next === undefined || next.dueAt === Number.POSITIVE_INFINITY) return false;
      await this.#run(next, drain);
      return true;
    });
  }

  /** Runs everything that can run without time passing: promise work, and timers that are due now. */
  async settle(): Promise<void> {
    return this.advance(0);
  }

  /**
   * Somebody sets the wall clock: `now()` jumps by `ms`, which may be negative. No time passes, so `monotonicNow()` stays and every timer
   * still waits for as long as it would have.
   */
  jump(ms: number): void {
    this.#epochAt += finite("ms", ms);
  }

  async #passUntil(target: number, drain: Drain): Promise<void> {
    await drain();
    for (let next = this.#timers.peek(); next !== undefined && next.dueAt <= target; next = this.#timers.peek()) {
      await this.#run(next, drain);
    }
    this.#elapsedMs = target;
  }

  async #run(timer: VirtualTimer, drain: Drain): Promise<void> {
    this.#timers.remove(timer);
    this.#elapsedMs = timer.dueAt;
    try {
      timer.run();
    } finally {
      await drain();
    }
  }

  #inTurn<Result>(work: (drain: Drain) => Result | Promise<Result>): Promise<Result> {
    const turn = this.#turns.then(() => withDrain(work));
    this.#turns = turn.catch(() => {});
    return turn;
  }
}

/**
 * A message to oneself arrives in a later task of the event loop, and the loop begins none before its microtask queue is empty: however
 * long a chain of promises is, it has run by then, which no fixed number of `await`s can promise. It is not a timer, every runtime has
 * it, faked timers leave it alone, and at a microsecond a turn it is paid after each of a million timers. The channel is closed at the
 * end, because an open one keeps Node alive.
 */
async function withDrain<Result>(work: (drain: Drain) => Result | Promise<Result>): Promise<Result> {
  const { port1, port2 } = new MessageChannel();
  let arrived = (): void => {};
  port1.onmessage = () => arrived();
  const drain: Drain = () =>
    new Promise((resolve) => {
      arrived = resolve;
      port2.postMessage(undefined);
    });
  try {
    return await work(drain);
  } finally {
    port1.close();
  }
}

function isTimerOf(clock: VirtualClock, value: unknown): value is VirtualTimer {
  return typeof value === "object" && value !== null && (value as Partial<VirtualTimer>).clock === clock;
}

function finite(field: string, value: number): number {
  if (!Number.isFinite(value)) throw new InvalidOptionsError({ field, expected: "a finite number", received: value });
  return value;
}
