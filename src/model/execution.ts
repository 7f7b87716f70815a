import type { SerializedError } from "./serialized-error.ts";

/** Where an execution stands. The last three are final and never change. */
export type ExecutionStatus = "queued" | "running" | "completed" | "failed" | "cancelled";

/** The status with the detail that the statechart knows. */
export type ExecutionState =
  | "queued.ready"
  | "queued.delayed"
  | "running.working"
  | "running.waiting"
  | "running.cancelling"
  | "running.timingOut"
  | "completed"
  | "failed"
  | "cancelled";

export const executionStatuses: readonly ExecutionStatus[] = ["queued", "running", "completed", "failed", "cancelled"];

/** One consistent record of an execution. Instants are epoch milliseconds. */
export interface ExecutionInfo<Output = unknown> {
  readonly id: string;
  readonly status: ExecutionStatus;
  readonly state: ExecutionState;
  /** How often it began to run, counted from 1; 0 while it has not run yet. */
  readonly attempt: number;
  /** How many attempts may fail before the execution does. */
  readonly maxAttempts: number;
  /** Attempts that were cut short because their process ended, and that do not count as failed. */
  readonly takeovers: number;
  readonly priority: number;
  readonly group?: string;
  readonly tags: readonly string[];
  readonly queuedAt: number;
  readonly startedAt?: number;
  readonly completedAt?: number;
  /** From the first `startedAt` to now or to the end; 0 while queued for the first time; never negative. */
  readonly durationMs: number;
  /** What the orchestrator last reported; a machine's state value. */
  readonly progress?: unknown;
  /** Set when completed. */
  readonly result?: Output;
  /** Set when failed, and between two attempts: why the last one failed. */
  readonly error?: SerializedError;
  /** Why it was cancelled, where a reason was given. */
  readonly reason?: string;
  /** Its orchestrator had not settled when the grace period was over. */
  readonly abandoned?: true;
}

/** How many records have each status, and how many there are. */
export type ExecutionCounts = Readonly<Record<ExecutionStatus | "total", number>>;

/** Which end of the order of start a list begins with. */
export type ListOrder = "oldest" | "newest";

/** Which executions a list shows: those that match every given field. */
export interface ExecutionQuery {
  status?: ExecutionStatus;
  group?: string;
  tag?: string;
  /** Which comes first: `oldest`, the default, or `newest`. */
  order?: ListOrder;
  /** At most so many items; 100 by default, 1 to 1 000. */
  limit?: number;
  /** `nextCursor` of the page before, which had the same `order`. */
  cursor?: string;
}

/** One page of a list, in the order of start or its reverse. */
export interface ExecutionPage<Output = unknown> {
  readonly items: readonly ExecutionInfo<Output>[];
  /** Present when there may be more. */
  readonly nextCursor?: string;
}

/** Whether a signal was taken, and if not, why and what would have been. */
export type SendResult =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: "unknown" | "final" | "notAccepted"; readonly accepts: readonly string[] };

/** What became of the work that was live when `close` was called. */
export interface CloseReport {
  /** Reached the end they would have reached anyway. */
  readonly drained: number;
  readonly cancelled: number;
  /** Given back without an end: part of the persisted snapshot, or of the store. */
  readonly released: number;
  /** Had not settled at the deadline; their promises may still be running. */
  readonly abandoned: number;
}

export function isFinalStatus(status: ExecutionStatus): boolean {
  return status === "completed" || status === "failed" || status === "cancelled";
}
