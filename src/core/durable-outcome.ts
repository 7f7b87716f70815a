import { ExecutionCancelledError, ExecutionFailedError, ExecutionTimeoutError } from "../model/errors.ts";
import { fromJsonText, type JsonText } from "../model/json-text.ts";
import { type SerializedError, toSerializedError } from "../model/serialized-error.ts";
import { ExecutionLostError } from "../model/store-errors.ts";
import type { Waiter } from "./execution-record.ts";

/** How an execution ended, as the store has it. */
export interface StoredEnd {
  readonly id: string;
  readonly status: "completed" | "failed" | "cancelled";
  readonly result?: JsonText;
  readonly error?: JsonText;
  readonly reason?: string;
  readonly timeoutMs?: number;
}

/** Gives the waiter the result, or the error that says why there is none. */
export function settleWaiter(waiter: Waiter, end: StoredEnd): void {
  if (end.status === "completed") waiter.resolve(fromJsonText(end.result));
  else if (end.status === "cancelled") waiter.reject(new ExecutionCancelledError(end.id, end.reason));
  else waiter.reject(toError(end));
}

function toError({ id, error: text, timeoutMs = 0 }: StoredEnd): Error {
  const error = (fromJsonText(text) ?? toSerializedError(undefined)) as SerializedError;
  if (error.code === "EXECUTION_TIMEOUT") return new ExecutionTimeoutError(id, timeoutMs);
  if (error.code === "EXECUTION_LOST") return new ExecutionLostError(id);
  return new ExecutionFailedError(id, error);
}
