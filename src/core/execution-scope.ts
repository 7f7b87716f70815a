import type { EventObject } from "xstate";

/** What an orchestrator gets beside its input. Its functions may be taken apart and passed on. */
export interface ExecutionScope {
  readonly executionId: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** Aborted when the execution is cancelled or times out. Its slot stays taken until the orchestrator settles. */
  readonly signal: AbortSignal;
  /** Epoch milliseconds of the coordinator's clock. */
  now(): number;
  /** Milliseconds until this attempt times out, 0 once it was asked to stop; Infinity without a timeout. */
  remainingMs(): number;
  /** Shown as `progress` in the record and told as `execution.progressed`. Ignored once the attempt has been asked to stop. */
  progress(value: unknown): void;
  /** What `coordinator.send` sends to this execution, from the first signal of this attempt on; ends when the attempt is asked to stop. */
  signals(): AsyncIterable<EventObject>;
}
