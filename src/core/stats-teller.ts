import type { CoordinatorStats } from "./coordinator-stats.ts";

/** Tells the counts of a fleet when they are not what was told last. */
export class StatsTeller {
  readonly #options: { statsChanged(stats: CoordinatorStats): void; reportError(error: unknown): void };
  #told: CoordinatorStats | undefined;

  constructor(options: { statsChanged(stats: CoordinatorStats): void; reportError(error: unknown): void }) {
    this.#options = options;
  }

  /** Never throws. */
  tell(stats: CoordinatorStats): void {
    if (this.#told !== undefined && areEqual(stats, this.#told)) return;
    this.#told = stats;
    try {
      this.#options.statsChanged(stats);
    } catch (error) {
      this.#options.reportError(error);
    }
  }
}

function areEqual(a: CoordinatorStats, b: CoordinatorStats): boolean {
  return (Object.keys(a) as (keyof CoordinatorStats)[]).every((key) => a[key] === b[key]);
}
