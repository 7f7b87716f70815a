import type { ExecutionInfo, ExecutionState } from "../model/execution.ts";
import { fromJsonText } from "../model/json-text.ts";
import type { SerializedError } from "../model/serialized-error.ts";
import type { StoredExecutionSummary } from "../model/stored-execution.ts";
import type { UnnumberedEvent } from "./durable-events.ts";
import { endless } from "./durable-start.ts";

/** A stored record as users see it. `now` is for what has not ended. */
export function toDurableInfo<Output>(record: StoredExecutionSummary, now: number): ExecutionInfo<Output> {
  const { status, startedAt, completedAt, group, progress, result, error, reason, abandoned } = record;
  return {
    id: record.id,
    status,
    state: toState(record, now),
    attempt: record.attempt,
    maxAttempts: record.maxAttempts === endless ? Number.POSITIVE_INFINITY : record.maxAttempts,
    takeovers: record.takeovers,
    priority: record.priority,
    ...(group !== undefined && { group }),
    tags: record.tags,
    queuedAt: record.queuedAt,
    ...(startedAt !== undefined && { startedAt }),
    ...(completedAt !== undefined && { completedAt }),
    durationMs: startedAt === undefined ? 0 : Math.max(0, (completedAt ?? now) - startedAt),
    ...(progress !== undefined && { progress: fromJsonText(progress) }),
    ...(status === "completed" && { result: fromJsonText(result) as Output }),
    ...((status === "failed" || status === "queued") && error !== undefined && { error: fromJsonText(error) as SerializedError }),
    ...(reason !== undefined && (status === "cancelled" || status === "running") && { reason }),
    ...(abandoned && { abandoned }),
  };
}

/** The event that tells the end of a stored record. */
export function toEndEvent(record: StoredExecutionSummary): UnnumberedEvent {
  const { id: executionId, status, attempt, completedAt: at = record.queuedAt } = record;
  const { durationMs, result, error, reason, abandoned } = toDurableInfo(record, at);
  const end = { executionId, at, attempt, durationMs, ...(abandoned && { abandoned }) };
  if (status === "completed") return { type: "execution.completed", ...end, result };
  if (status === "failed") return { type: "execution.failed", ...end, error: error as SerializedError };
  return { type: "execution.cancelled", ...end, ...(reason !== undefined && { reason }) };
}

function toState({ status, parked, dueAt, cancelRequestedAt }: StoredExecutionSummary, now: number): ExecutionState {
  if (status === "queued") return dueAt !== undefined && dueAt > now ? "queued.delayed" : "queued.ready";
  if (status !== "running") return status;
  if (cancelRequestedAt !== undefined) return "running.cancelling";
  return parked ? "running.waiting" : "running.working";
}
