import { createStore } from "@xstate/store";
import type { SupervisorMode } from "../../machines/supervisor-machine.ts";

/** Counts and capacity at this moment. */
export interface CoordinatorStats {
  readonly mode: SupervisorMode;
  readonly maxConcurrent: number;
  /** Executions that hold a slot: running and not waiting. */
  readonly slotsTaken: number;
  readonly queued: number;
  /** Those that wait included. */
  readonly running: number;
  readonly waiting: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** How many executions, since the coordinator was made, had not settled when their grace period was over. */
  readonly abandoned: number;
  /** Durable: queued ones that this process cannot run, as of the last look; only counted with a `machineVersion`. */
  readonly unclaimable?: number;
}

export function createStats(initial: CoordinatorStats) {
  return createStore({
    context: initial,
    on: { changed: (_, event: { stats: CoordinatorStats }) => event.stats },
  });
}

/** A read model of the coordinator, to read or subscribe to; it cannot be sent anything. */
export type StatsStore = Pick<ReturnType<typeof createStats>, "get" | "getSnapshot" | "select" | "subscribe">;
