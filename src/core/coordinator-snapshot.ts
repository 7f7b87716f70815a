import type { Snapshot } from "xstate";
import type { ExecutionInfo } from "../model/execution.ts";
import type { Backoff } from "../model/retry-policy.ts";

/** An execution that had not ended, as it will be queued again. */
export interface PersistedExecution {
  id: string;
  input: unknown;
  priority: number;
  group?: string;
  tags: readonly string[];
  idempotencyKey?: string;
  maxAttempts: number;
  backoff: Omit<Backoff, "type">;
  timeoutMs?: number;
  attempt: number;
  takeovers: number;
  queuedAt: number;
  startedAt?: number;
  /** When its delay is over, where it had one. */
  dueAt?: number;
}

/** An execution that had ended. */
export interface PersistedRecord {
  info: ExecutionInfo;
  idempotencyKey?: string;
  /** Kept with the idempotency key, to tell a repetition from a conflict. */
  input?: unknown;
}

/** What the supervisor of an in-memory coordinator persists: plain JSON. */
export type CoordinatorSnapshot = Snapshot<undefined> & {
  readonly version: 1;
  /** In the order of start. */
  readonly live: readonly PersistedExecution[];
  /** In the order in which they ended. */
  readonly finished: readonly PersistedRecord[];
};
