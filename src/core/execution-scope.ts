import type { EventObject } from "xstate";
import type { Settings } from "../settings/settings-schema.ts";

/** What an orchestrator gets beside its input. Its functions may be taken apart and passed on. */
export interface ExecutionScope {
  readonly executionId: string;
  /** Counted from 1. */
  readonly attempt: number;
  /**
   * Rises each time a worker claims this execution; absent in memory. Send it with each side effect, to a place that remembers the highest
   * and refuses a lower one: a worker that was stopped past its lease is then too late there, as it is in the store.
   */
  readonly fence?: number;
  /** Aborted when the execution is cancelled or times out. Its slot stays taken until the orchestrator settles. */
  readonly signal: AbortSignal;
  /** Settings of the start, over those of the coordinator; undefined where neither has any. */
  readonly settings?: Settings;
  /** Epoch milliseconds of the coordinator's clock. */
  now(): number;
  /** Milliseconds until this attempt times out, 0 once it was asked to stop; Infinity without a timeout. */
  remainingMs(): number;
  /** Shown as `progress` in the record and told as `execution.progressed`. Ignored once the attempt has been asked to stop. */
  progress(value: unknown): void;
  /** What was last given to `checkpoint`, by an earlier attempt or in another process; undefined when nothing was. */
  readonly restored?: unknown;
  /**
   * Saves a value, for `restored` of whoever goes on; a durable coordinator stores it together with the signals read so far. It is a safe
   * point: rejects with `YieldedError`, after saving, when this process wants to give the execution back; let that error through.
   */
  checkpoint(value: unknown): Promise<void>;
  /** What `coordinator.send` sends to this execution, from the first signal of this attempt on; ends when the attempt is asked to stop. */
  signals(): AsyncIterable<EventObject>;
}
