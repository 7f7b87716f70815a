import type { AnyStateMachine, EventObject, Subscription } from "xstate";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, SendResult } from "../model/execution.ts";
import type { EventsOverflowed, ExecutionEvent } from "../model/execution-event.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { CloseOptions } from "./coordinator.ts";
import type { StartOptions } from "./coordinator-options.ts";
import type { StatsStore } from "./coordinator-stats.ts";
import type { SupervisorRef } from "./supervisor.ts";

/** A coordinator of any kind, in memory or durable, whatever it runs: for code that shows and steers. Await what it answers. */
export interface AnyCoordinator {
  start(input: never, options?: StartOptions): Promise<string>;
  getStatus(id: string): ExecutionInfo | undefined | Promise<ExecutionInfo | undefined>;
  getOrchestratorState(id: string): OrchestratorState | undefined | Promise<OrchestratorState | undefined>;
  list(query?: ExecutionQuery): ExecutionPage | Promise<ExecutionPage>;
  counts(): ExecutionCounts | Promise<ExecutionCounts>;
  waitFor(id: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<unknown>;
  /** A durable coordinator stores what it cannot judge; one in memory always can. */
  send(id: string, event: EventObject, options?: { ifAccepted?: boolean }): SendResult | Promise<SendResult>;
  cancel(id: string, reason?: string): Promise<boolean>;
  cleanup(options?: { olderThanMs?: number }): Promise<number>;
  pause(): void;
  resume(): void;
  setMaxConcurrent(maxConcurrent: number): void;
  /** What happened in all processes, where the store keeps it; absent where there is no store. */
  history?(id: string, options?: { after?: number; limit?: number }): Promise<readonly ExecutionEvent[]>;
  on(type: "*", listener: (event: ExecutionEvent) => void): Subscription;
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<ExecutionEvent | EventsOverflowed>;
  drain(): Promise<void>;
  close(options?: CloseOptions): Promise<CloseReport>;
  readonly supervisor: SupervisorRef;
  readonly orchestratorMachine: AnyStateMachine | undefined;
  readonly stats: StatsStore;
}
