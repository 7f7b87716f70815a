import type { EventObject } from "xstate";
import type { CoordinatorStats } from "../core/coordinator-stats.ts";
import type { ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, SendResult } from "../model/execution.ts";

/** One execution with what its store or server tells beside the record. */
export interface ShownExecution extends ExecutionInfo {
  readonly [more: string]: unknown;
}

/** How many executions there are; `process` is about the process of a server. */
export interface FleetStats {
  readonly records: ExecutionCounts;
  readonly process?: Partial<CoordinatorStats>;
}

/** What commands need of a fleet, wherever it is. */
export interface FleetConnection {
  list(query: ExecutionQuery): Promise<ExecutionPage>;
  /** Undefined when there is none. */
  get(id: string): Promise<ShownExecution | undefined>;
  stats(): Promise<FleetStats>;
  /** False when it had ended, or when there is none. */
  cancel(id: string, reason: string | undefined): Promise<boolean>;
  send(id: string, event: EventObject): Promise<SendResult>;
  close(): Promise<void>;
}
