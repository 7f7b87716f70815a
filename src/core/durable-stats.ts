import type { SupervisorMode } from "../../machines/supervisor-machine.ts";
import type { WorkerMode } from "../../machines/worker-machine.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { type CoordinatorStats, createStats, type StatsStore } from "./coordinator-stats.ts";

const countedEnds = { "execution.completed": "completed", "execution.failed": "failed", "execution.cancelled": "cancelled" } as const;

/**
 * The read model of a durable coordinator: its fleet forgets what has ended, so the ends are counted here. It is brought up to date when it
 * is read; who subscribes is told once for all that changes in the same tick.
 */
export class DurableStats {
  readonly store: StatsStore;
  readonly #inner: ReturnType<typeof createStats>;
  #fleet: CoordinatorStats;
  #mode: SupervisorMode = "accepting";
  #unclaimable = 0;
  readonly #ends = { completed: 0, failed: 0, cancelled: 0 };
  #observed = false;
  #telling = false;

  constructor(initial: CoordinatorStats) {
    this.#fleet = initial;
    const inner = createStats(initial);
    this.#inner = inner;
    this.store = {
      get: () => this.#upToDate().get(),
      getSnapshot: () => this.#upToDate().getSnapshot(),
      select: (selector, equals) => this.#observe().select(selector, equals),
      subscribe: ((...observer: Parameters<typeof inner.subscribe>) => this.#observe().subscribe(...observer)) as typeof inner.subscribe,
    };
  }

  fleetChanged(stats: CoordinatorStats): void {
    this.#fleet = stats;
    this.#changed();
  }

  modeChanged(mode: WorkerMode): void {
    this.#mode = mode === "paused" || mode === "draining" || mode === "closed" ? mode : "accepting";
    this.#changed();
  }

  unclaimableChanged(unclaimable: number): void {
    this.#unclaimable = unclaimable;
    this.#changed();
  }

  happened({ type }: ExecutionEvent): void {
    if (!Object.hasOwn(countedEnds, type)) return;
    this.#ends[countedEnds[type as keyof typeof countedEnds]] += 1;
    this.#changed();
  }

  #changed(): void {
    if (!this.#observed || this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#upToDate();
    });
  }

  #observe(): ReturnType<typeof createStats> {
    this.#observed = true;
    return this.#upToDate();
  }

  #upToDate(): ReturnType<typeof createStats> {
    const stats = { ...this.#fleet, ...this.#ends, mode: this.#mode, unclaimable: this.#unclaimable };
    const told = this.#inner.getSnapshot().context;
    const changed = (Object.keys(stats) as (keyof CoordinatorStats)[]).some((key) => stats[key] !== told[key]);
    if (changed) this.#inner.trigger.changed({ stats });
    return this.#inner;
  }
}
