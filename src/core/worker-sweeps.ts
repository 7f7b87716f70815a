import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { SweepReport } from "../ports/store-claim.ts";

/** How often records that are too old are looked for. */
const retentionMs = 60_000;

export interface WorkerSweepsOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly maxAgeMs: number;
  sweep(): Promise<SweepReport>;
  remove(olderThanMs: number): Promise<number>;
  /** How many this worker cannot run; undefined where there can be none. */
  readonly count: (() => Promise<number>) | undefined;
  counted(unclaimable: number): void;
  swept(report: SweepReport): void;
  /** Tells other processes what nobody has claimed for too long; undefined where the store tells them. */
  readonly publishOverdue: (() => Promise<unknown>) | undefined;
  random(): number;
  reportError(error: unknown): void;
}

/** Looks after what nobody holds: expired leases, and records past their retention. Every worker does, none has to. */
export class WorkerSweeps {
  readonly #options: WorkerSweepsOptions;
  #timer: unknown;
  #stopped = false;
  #removedAt = Number.NEGATIVE_INFINITY;

  constructor(options: WorkerSweepsOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#sweep();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clock.clearTimeout(this.#timer);
  }

  async #sweep(): Promise<void> {
    const { clock, leaseMs, pollMs, random, reportError, sweep, swept } = this.#options;
    let nextMs = leaseMs / 3;
    try {
      const report = await sweep();
      if (this.#stopped) return;
      swept(report);
      // Workers that wait for the same lease to expire do not all come at once.
      if (report.nextExpiryInMs !== undefined) nextMs = Math.min(nextMs, report.nextExpiryInMs + pollMs * random());
      await this.#options.publishOverdue?.();
      await this.#removeOld();
      if (this.#options.count !== undefined) this.#options.counted(await this.#options.count());
    } catch (error) {
      nextMs = pollMs;
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    }
    if (!this.#stopped) this.#timer = clock.setTimeout(() => void this.#sweep(), Math.max(nextMs, Math.min(pollMs, leaseMs / 3)));
  }

  async #removeOld(): Promise<void> {
    const { clock, maxAgeMs, remove } = this.#options;
    const now = clock.monotonicNow();
    if (maxAgeMs === Number.POSITIVE_INFINITY || now - this.#removedAt < Math.min(retentionMs, Math.max(maxAgeMs, 1_000))) return;
    this.#removedAt = now;
    await remove(maxAgeMs);
  }
}
