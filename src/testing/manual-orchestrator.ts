import type { ExecutionScope } from "../core/execution-scope.ts";
import { type OrchestratorCall, toOrchestratorCall } from "./orchestrator-call.ts";
import { untilAborted } from "./until-aborted.ts";

/** How a manual orchestrator behaves. */
export interface ManualOrchestratorOptions {
  /** Whether a call rejects with its signal's reason as soon as the signal is aborted; true. With false it stays open until the test ends it. */
  honoursCancel?: boolean;
}

/** An orchestrator whose calls stay open until the test ends them, and the means to do so. */
export interface ManualOrchestrator<Input, Output> {
  /** What the coordinator is given. */
  readonly orchestrator: (input: Input, scope: ExecutionScope) => Promise<Output>;
  /** Every call so far, in the order in which they began. */
  readonly calls: readonly OrchestratorCall<Input>[];
  /** The ids with an open call, in the order in which the calls began. */
  readonly open: readonly string[];
  isOpen(executionId: string): boolean;
  /** Resolves the open call. Throws when there is none. */
  complete(executionId: string, output: Output): void;
  /** Rejects the open call. Throws when there is none. */
  fail(executionId: string, error: unknown): void;
  /** Reports progress from within the open call. Throws when there is none. */
  progress(executionId: string, value: unknown): void;
  /** The signal given to the last call for this execution, open or not. Throws when it was never called. */
  signalOf(executionId: string): AbortSignal;
  /** Resolves once the execution has been called, at once when it has been already; with `attempt`, for that attempt or a later one. */
  whenCalled(executionId: string, attempt?: number): Promise<void>;
}

interface OpenCall<Output> {
  readonly scope: ExecutionScope;
  resolve(output: Output): void;
  reject(error: unknown): void;
}

interface AwaitedCall {
  readonly attempt: number;
  resolve(): void;
}

/**
 * Makes an orchestrator that does nothing by itself: each call stays open until the test completes or fails it by the execution's id. Where
 * two calls of one execution are open (an attempt ignored its timeout, and the next has begun), the newest is meant.
 *
 * @example
 * ```ts
 * const work = createManualOrchestrator<string, number>();
 * const coordinator = createCoordinator({ orchestrator: work.orchestrator, maxConcurrent: 1 });
 * const id = await coordinator.start("count the words");
 * await work.whenCalled(id);
 * work.complete(id, 3);
 * await coordinator.waitFor(id); // 3
 * ```
 */
export function createManualOrchestrator<Input = unknown, Output = unknown>({
  honoursCancel = true,
}: ManualOrchestratorOptions = {}): ManualOrchestrator<Input, Output> {
  const calls: OrchestratorCall<Input>[] = [];
  const lastScopes = new Map<string, ExecutionScope>();
  const openCalls = new Map<string, readonly OpenCall<Output>[]>();
  const awaitedCalls = new Map<string, readonly AwaitedCall[]>();

  const keepOpen = (scope: ExecutionScope, resolve: (output: Output) => void, reject: (error: unknown) => void): OpenCall<Output> => {
    const call: OpenCall<Output> = { scope, resolve, reject };
    openCalls.set(scope.executionId, [...(openCalls.get(scope.executionId) ?? []), call]);
    return call;
  };

  const close = (call: OpenCall<Output>): OpenCall<Output> => {
    const { executionId } = call.scope;
    const others = (openCalls.get(executionId) ?? []).filter((other) => other !== call);
    if (others.length > 0) openCalls.set(executionId, others);
    else openCalls.delete(executionId);
    return call;
  };

  const requireOpen = (executionId: string): OpenCall<Output> => {
    const call = openCalls.get(executionId)?.at(-1);
    if (call !== undefined) return call;
    const why = lastScopes.has(executionId) ? "its call has ended" : "it was not called";
    throw new Error(`execution ${JSON.stringify(executionId)} has no open call: ${why}; ${describeIds("open", openCalls.keys())}`);
  };

  const tellAwaiting = ({ executionId, attempt }: ExecutionScope): void => {
    const awaiting = awaitedCalls.get(executionId) ?? [];
    awaitedCalls.set(
      executionId,
      awaiting.filter((awaited) => awaited.attempt > attempt),
    );
    for (const awaited of awaiting) if (awaited.attempt <= attempt) awaited.resolve();
  };

  const orchestrator = (input: Input, scope: ExecutionScope): Promise<Output> => {
    calls.push(toOrchestratorCall(input, scope));
    lastScopes.set(scope.executionId, scope);
    tellAwaiting(scope);
    if (!honoursCancel) return new Promise((resolve, reject) => keepOpen(scope, resolve, reject));
    return untilAborted(scope.signal, ({ resolve, reject }) => {
      const call = keepOpen(scope, resolve, reject);
      return () => close(call);
    });
  };

  return {
    orchestrator,
    calls,
    get open() {
      return [...openCalls.keys()];
    },
    isOpen: (executionId) => openCalls.has(executionId),
    complete: (executionId, output) => close(requireOpen(executionId)).resolve(output),
    fail: (executionId, error) => close(requireOpen(executionId)).reject(error),
    progress: (executionId, value) => requireOpen(executionId).scope.progress(value),
    signalOf: (executionId) => {
      const scope = lastScopes.get(executionId);
      if (scope !== undefined) return scope.signal;
      throw new Error(`execution ${JSON.stringify(executionId)} was not called; ${describeIds("called", lastScopes.keys())}`);
    },
    whenCalled: (executionId, attempt = 1) => {
      const called = lastScopes.get(executionId);
      if (called !== undefined && called.attempt >= attempt) return Promise.resolve();
      return new Promise((resolve) => {
        awaitedCalls.set(executionId, [...(awaitedCalls.get(executionId) ?? []), { attempt, resolve }]);
      });
    },
  };
}

function describeIds(what: string, ids: Iterable<string>): string {
  const all = [...ids];
  const shown = all.slice(0, 10).map((id) => JSON.stringify(id));
  const rest = all.length > shown.length ? ` and ${all.length - shown.length} more` : "";
  return `${what}: ${shown.join(", ") || "none"}${rest}`;
}
