/** At most `limit` admissions in any span of `intervalMs`. */
export interface RateLimit {
  limit: number;
  intervalMs: number;
}

/** Remembers the last `limit` admissions; the next one must be `intervalMs` later than the oldest of them. */
export class RateLimiter {
  readonly #limit: number;
  readonly #intervalMs: number;
  readonly #times: number[] = [];
  #oldest = 0;

  constructor({ limit, intervalMs }: RateLimit) {
    this.#limit = limit;
    this.#intervalMs = intervalMs;
  }

  /** Milliseconds until one more is allowed; 0 = now. */
  waitMs(now: number): number {
    if (this.#times.length < this.#limit) return 0;
    return Math.max(0, (this.#times[this.#oldest] as number) + this.#intervalMs - now);
  }

  /** How many are allowed at this moment, `most` at the most. */
  room(now: number, most: number): number {
    let room = Math.min(most, this.#limit - this.#times.length);
    for (let past = 0; room < most && past < this.#times.length; past++) {
      const time = this.#times[(this.#oldest + past) % this.#times.length] as number;
      if (time + this.#intervalMs > now) break;
      room += 1;
    }
    return room;
  }

  record(now: number): void {
    if (this.#times.length < this.#limit) {
      this.#times.push(now);
      return;
    }
    this.#times[this.#oldest] = now;
    this.#oldest = (this.#oldest + 1) % this.#limit;
  }
}
