import type { ExecutionScope } from "../../../src/core/execution-scope.ts";

/** A scope as the coordinator would give it, with what was reported through it and the means to abort it. */
export function createScopeDouble(executionId: string, attempt = 1) {
  const controller = new AbortController();
  const reported: unknown[] = [];
  const scope: ExecutionScope = {
    executionId,
    attempt,
    signal: controller.signal,
    checkpoint: async () => {},
    now: () => 0,
    remainingMs: () => Number.POSITIVE_INFINITY,
    progress: (value) => reported.push(value),
    async *signals() {},
  };
  return { scope, reported, abort: (reason: unknown) => controller.abort(reason) };
}
