import { CoordinatorClosedError, ExecutionCancelledError, ExecutionFailedError, ExecutionTimeoutError } from "../model/errors.ts";
import type { ExecutionInfo } from "../model/execution.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { ExecutionRecord, Waiter } from "./execution-record.ts";
import type { EventDetails } from "./outbox.ts";

/** The event that tells how it ended. */
export function endingOf({ status, durationMs, result, error, reason, abandoned }: ExecutionInfo): EventDetails {
  const mark = abandoned ? { abandoned } : {};
  if (status === "completed") return { type: "execution.completed", result, durationMs };
  if (status === "failed") return { type: "execution.failed", error: error ?? toSerializedError(undefined), durationMs, ...mark };
  return { type: "execution.cancelled", durationMs, ...(reason !== undefined && { reason }), ...mark };
}

/** Gives the waiter the result, or the error that says why there is none. Nothing while it lives. */
export function settle(waiter: Waiter, { final, request }: ExecutionRecord): void {
  if (final === undefined) return;
  const { info, error, timedOut } = final;
  if (info.status === "completed") waiter.resolve(info.result);
  else if (info.status === "cancelled") waiter.reject(new ExecutionCancelledError(request.id, info.reason));
  else if (timedOut) waiter.reject(new ExecutionTimeoutError(request.id, request.timeoutMs ?? 0));
  else waiter.reject(new ExecutionFailedError(request.id, info.error ?? toSerializedError(error), error));
}

/** For those who wait for an execution that was released. */
export function releasedError(id: string): CoordinatorClosedError {
  return new CoordinatorClosedError(`execution ${JSON.stringify(id)} has no end here: the coordinator was closed and gave it back`);
}
