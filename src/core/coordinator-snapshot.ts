import type { Snapshot } from "xstate";
import { type ExecutionInfo, isFinalStatus } from "../model/execution.ts";
import type { Backoff } from "../model/retry-policy.ts";
import type { TraceContext } from "../ports/tracing.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";

/** An execution that had not ended, as it will be queued again. */
export interface PersistedExecution {
  readonly id: string;
  readonly input?: unknown;
  readonly settings?: SettingsInput;
  readonly priority: number;
  readonly group?: string;
  readonly tags: readonly string[];
  readonly idempotencyKey?: string;
  /** `null` for no limit, since JSON has no Infinity. */
  readonly maxAttempts: number | null;
  readonly backoff: Omit<Backoff, "type">;
  readonly timeoutMs?: number;
  readonly attempt: number;
  readonly takeovers: number;
  readonly queuedAt: number;
  readonly startedAt?: number;
  /** Goes on from what it saved also after a failure; a function always does. */
  readonly onRetry?: "resume";
  /** What it goes on from. */
  readonly saved?: unknown;
  /** When its delay is over, where it had one. */
  readonly dueAt?: number;
  readonly trace?: TraceContext;
}

/** An execution that had ended. */
export interface PersistedRecord {
  readonly info: Omit<ExecutionInfo, "maxAttempts"> & { readonly maxAttempts: number | null };
  /** Set when it failed because its own time was over. */
  readonly timedOut?: true;
  readonly timeoutMs?: number;
  readonly idempotencyKey?: string;
  /** Kept with the idempotency key, to tell a repetition from a conflict. */
  readonly input?: unknown;
}

/** What the supervisor of an in-memory coordinator persists: plain JSON. */
export type CoordinatorSnapshot = Snapshot<undefined> & {
  readonly version: 1;
  /** In the order of start. */
  readonly executions: readonly (PersistedExecution | PersistedRecord)[];
};

export function isPersistedRecord(execution: PersistedExecution | PersistedRecord): execution is PersistedRecord {
  return "info" in execution;
}

/** Whether a value has the shape of a snapshot, as far as restoring it depends on that. */
export function isCoordinatorSnapshot(value: unknown): value is CoordinatorSnapshot {
  const { version, executions } = (value ?? {}) as { version?: unknown; executions?: unknown };
  if (version !== 1 || !Array.isArray(executions) || !executions.every(isPersisted)) return false;
  return new Set(executions.map((execution) => execution.info?.id ?? execution.id)).size === executions.length;
}

function isPersisted(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { info } = value as Partial<PersistedRecord>;
  const { id, priority, tags, attempt, takeovers, queuedAt } = (info ?? value) as Partial<PersistedExecution>;
  const isWhole = [priority, attempt, takeovers, queuedAt].every((number) => typeof number === "number");
  return isWhole && typeof id === "string" && Array.isArray(tags) && (info === undefined || isFinalStatus(info.status));
}
