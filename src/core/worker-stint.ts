import type { Clock } from "../ports/clock.ts";
import type { WorkerLease } from "./worker-lease.ts";

export interface WorkerStintOptions {
  readonly clock: Clock;
  /** Until the worker must have let go of everything. */
  remainingMs(): number;
  /** Its lease is lost or let run out: another worker will have it once it has expired. */
  lost(executionId: string): void;
}

/**
 * The short life of a worker that works off a few messages: it claims nothing else, sweeps nothing, and gives work back at a safe point when
 * what is left is less than the longest step so far took.
 */
export class WorkerStint {
  readonly #options: WorkerStintOptions;
  readonly #stepBeganAt = new WeakMap<WorkerLease, number>();
  #longestStepMs = 0;

  constructor(options: WorkerStintOptions) {
    this.#options = options;
  }

  remainingMs(): number {
    return this.#options.remainingMs();
  }

  began(lease: WorkerLease): void {
    this.#stepBeganAt.set(lease, this.#options.clock.monotonicNow());
  }

  /** It is at a safe point: whether it should be given back rather than make another step. */
  endsAt(lease: WorkerLease): boolean {
    const now = this.#options.clock.monotonicNow();
    this.#longestStepMs = Math.max(this.#longestStepMs, now - (this.#stepBeganAt.get(lease) ?? now));
    this.#stepBeganAt.set(lease, now);
    const leftMs = this.remainingMs();
    return leftMs <= 0 || leftMs < this.#longestStepMs;
  }

  lost(lease: WorkerLease): void {
    this.#options.lost(lease.id);
  }
}
