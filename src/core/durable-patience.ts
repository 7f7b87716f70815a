import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";

/** How long a call of a user is repeated while the store does not answer. */
const patienceMs = 5_000;
/** After so many failures in a row, which take a second or two, what cannot be reached is told of, once until it was reached again. */
export const outageFailures = 8;
const firstDelayMs = 20;
const maxDelayMs = 1_000;

/** Repeats what failed because the store could not be reached. Every call of the store may be repeated, so the answer is that of one call. */
export class Patience {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #waiting = new Map<() => void, unknown>();
  #over = false;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * For calls that a user waits for.
   *
   * @throws {StoreUnavailableError} when it was not reached for five seconds.
   */
  async call<Result>(run: () => Promise<Result>): Promise<Result> {
    const giveUpAt = this.#clock.monotonicNow() + patienceMs;
    for (let failures = 1; ; failures++) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || this.#over || this.#clock.monotonicNow() >= giveUpAt) throw error;
        await this.pause(failures);
      }
    }
  }

  /** Waits longer after each failure. Resolves at once when patience is over. */
  pause(failures: number): Promise<void> {
    return this.wait(this.delayMs(failures));
  }

  /** Resolves at once when patience is over. */
  async wait(ms: number): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      const run = () => {
        this.#waiting.delete(run);
        resolve();
      };
      this.#waiting.set(run, this.#clock.setTimeout(run, ms));
    });
  }

  /** Before the next try after so many failures. */
  delayMs(failures: number): number {
    const full = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 10));
    return Math.max(1, Math.round(full * (1 - this.#random() / 2)));
  }

  /** Nothing is repeated from now on. */
  end(): void {
    this.#over = true;
    for (const [run, timer] of [...this.#waiting]) {
      this.#clock.clearTimeout(timer);
      run();
    }
  }

  get isOver(): boolean {
    return this.#over;
  }
}
