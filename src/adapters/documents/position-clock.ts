/** Positions per millisecond: numbers stay exact until the year 2255. */
const perMs = 1_000;

/**
 * Positions in the order of start without a counter that all processes would have to write: time, then what this process has given since. It
 * never falls behind a position that it has seen.
 */
export class PositionClock {
  readonly #now: () => number;
  #last = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  next(): number {
    this.#last = Math.max(Math.floor(this.#now()) * perMs, this.#last + 1);
    return this.#last;
  }

  /** Another process has given this one. */
  saw(position: number): void {
    if (position > this.#last) this.#last = position;
  }
}
