import type { Clock } from "../ports/clock.ts";
import type { WorkerLease } from "./worker-lease.ts";

export interface WorkerProgressOptions {
  readonly clock: Clock;
  readonly pollMs: number;
  save(lease: WorkerLease): Promise<unknown>;
  reportError(error: unknown): void;
}

/** Saves the progress of executions that neither save nor end for a while, all together. */
export class WorkerProgress {
  readonly #options: WorkerProgressOptions;
  readonly #unsaved = new Set<WorkerLease>();
  #timer: unknown;

  constructor(options: WorkerProgressOptions) {
    this.#options = options;
  }

  changed(lease: WorkerLease): void {
    if (lease.lost) return;
    if (this.#unsaved.size === 0) this.#timer = this.#options.clock.setTimeout(() => this.#saveAll(), this.#options.pollMs);
    this.#unsaved.add(lease);
  }

  stop(): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#unsaved.clear();
  }

  #saveAll(): void {
    const { save, reportError } = this.#options;
    const leases = [...this.#unsaved];
    this.#unsaved.clear();
    for (const lease of leases) {
      if (!lease.lost && !lease.settling && lease.progressUnsaved) save(lease).catch(reportError);
    }
  }
}
