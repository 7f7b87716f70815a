import type { SupervisorMode } from "../../machines/supervisor-machine.ts";
import type { WorkerMode } from "../../machines/worker-machine.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { type CoordinatorStats, createStats } from "./coordinator-stats.ts";

const countedEnds = { "execution.completed": "completed", "execution.failed": "failed", "execution.cancelled": "cancelled" } as const;

/** The read model of a durable coordinator: its fleet forgets what has ended, so the ends are counted here. */
export class DurableStats {
  readonly store;
  #fleet: CoordinatorStats;
  #mode: SupervisorMode = "accepting";
  #unclaimable = 0;
  readonly #ends = { completed: 0, failed: 0, cancelled: 0 };

  constructor(initial: CoordinatorStats) {
    this.#fleet = initial;
    this.store = createStats(initial);
  }

  fleetChanged(stats: CoordinatorStats): void {
    this.#fleet = stats;
    this.#tell();
  }

  modeChanged(mode: WorkerMode): void {
    this.#mode = mode === "paused" || mode === "draining" || mode === "closed" ? mode : "accepting";
    this.#tell();
  }

  unclaimableChanged(unclaimable: number): void {
    this.#unclaimable = unclaimable;
    this.#tell();
  }

  happened({ type }: ExecutionEvent): void {
    if (!Object.hasOwn(countedEnds, type)) return;
    this.#ends[countedEnds[type as keyof typeof countedEnds]] += 1;
    this.#tell();
  }

  #tell(): void {
    const stats = { ...this.#fleet, ...this.#ends, mode: this.#mode, unclaimable: this.#unclaimable };
    const told = this.store.getSnapshot().context;
    const changed = (Object.keys(stats) as (keyof CoordinatorStats)[]).some((key) => stats[key] !== told[key]);
    if (changed) this.store.trigger.changed({ stats });
  }
}
