import { dequal } from "dequal";
import { DuplicateExecutionError, IdempotencyConflictError, StartAbortedError } from "../model/errors.ts";
import type { ExecutionIndex } from "./execution-index.ts";
import type { ExecutionRequest } from "./execution-record.ts";

/**
 * Tells new executions from repetitions of earlier starts: `ids` has one for each request, `fresh` those that are to be made.
 *
 * @throws {DuplicateExecutionError} {@link IdempotencyConflictError} {@link StartAbortedError}
 */
export function sortStarts(requests: readonly ExecutionRequest[], index: ExecutionIndex): { ids: string[]; fresh: ExecutionRequest[] } {
  const fresh = new Map<string, ExecutionRequest>();
  const freshByKey = new Map<string, ExecutionRequest>();
  const ids = requests.map((request) => {
    const { id, idempotencyKey, signal } = request;
    const earlier = idempotencyKey === undefined ? undefined : (index.withKey(idempotencyKey)?.request ?? freshByKey.get(idempotencyKey));
    if (earlier !== undefined) {
      if (!haveEqualInputs(earlier, request)) throw new IdempotencyConflictError(idempotencyKey as string, earlier.id);
      return earlier.id;
    }
    if (index.get(id) !== undefined || fresh.has(id)) throw new DuplicateExecutionError(id);
    if (signal?.aborted) throw new StartAbortedError(signal.reason);
    fresh.set(id, request);
    if (idempotencyKey !== undefined) freshByKey.set(idempotencyKey, request);
    return id;
  });
  return { ids, fresh: [...fresh.values()] };
}

/** Inputs too deep to compare, those that contain themselves among them, are equal only when they are the same. */
function haveEqualInputs(a: ExecutionRequest, b: ExecutionRequest): boolean {
  try {
    return dequal(a.input, b.input);
  } catch {
    return a.input === b.input;
  }
}
