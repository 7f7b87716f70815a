import type { ExecutionScope } from "../core/execution-scope.ts";
import { InvalidOptionsError } from "../model/errors.ts";
import type { Clock } from "../ports/clock.ts";
import { type OrchestratorCall, toOrchestratorCall } from "./orchestrator-call.ts";
import { untilAborted } from "./until-aborted.ts";

/** What one call does: it reports `progress`, waits for `delayMs`, then returns `output`, throws `error`, or waits until it is aborted. */
export type ScriptedStep<Output> = ({ readonly output: Output } | { readonly error: unknown } | { readonly untilCancelled: true }) & {
  /** Reported as the call begins. */
  readonly progress?: unknown;
  /** Waited on the `clock` of the options; 0, that is, not at all. An abort ends the wait and the call. */
  readonly delayMs?: number;
};

/** A step for each call in turn, the last one for all further calls; or a function that chooses it. Calls are counted from 1, over all executions. */
export type OrchestratorScript<Input, Output> =
  | readonly ScriptedStep<Output>[]
  | ((input: Input, callNumber: number, scope: ExecutionScope) => ScriptedStep<Output>);

/** What a scripted orchestrator waits on. */
export interface ScriptedOrchestratorOptions {
  /** Where `delayMs` is waited; only needed by scripts with delays. */
  clock?: Clock;
}

/** An orchestrator that follows a script, and what it was called with. */
export interface ScriptedOrchestrator<Input, Output> {
  /** What the coordinator is given. */
  readonly orchestrator: (input: Input, scope: ExecutionScope) => Promise<Output>;
  /** Every call so far, in the order in which they began. */
  readonly calls: readonly OrchestratorCall<Input>[];
}

/**
 * Makes an orchestrator whose every call does what a script says. It always obeys its signal: an aborted call rejects with the reason.
 *
 * Throws `InvalidOptionsError` for a script without steps, and for a delay without a clock.
 *
 * @example
 * ```ts
 * const clock = new VirtualClock();
 * const { orchestrator } = createScriptedOrchestrator<string, string>([{ error: new Error("busy") }, { output: "done", delayMs: 500 }], { clock });
 * const coordinator = createCoordinator({ orchestrator, clock, retry: { maxAttempts: 2 } });
 * ```
 */
export function createScriptedOrchestrator<Input = unknown, Output = unknown>(
  script: OrchestratorScript<Input, Output>,
  { clock }: ScriptedOrchestratorOptions = {},
): ScriptedOrchestrator<Input, Output> {
  const choose = typeof script === "function" ? script : stepInTurn(script, clock);
  const calls: OrchestratorCall<Input>[] = [];

  const orchestrator = async (input: Input, scope: ExecutionScope): Promise<Output> => {
    calls.push(toOrchestratorCall(input, scope));
    const step = choose(input, calls.length, scope);
    const { delayMs = 0 } = step;
    if (step.progress !== undefined) scope.progress(step.progress);
    scope.signal.throwIfAborted();
    if (delayMs > 0) await wait(requireClock(clock, `script step ${calls.length}`), delayMs, scope.signal);
    if ("output" in step) return step.output;
    if ("error" in step) throw step.error;
    return untilAborted<Output>(scope.signal, () => () => {});
  };

  return { orchestrator, calls };
}

function stepInTurn<Output>(steps: readonly ScriptedStep<Output>[], clock: Clock | undefined) {
  const last = steps.at(-1);
  if (last === undefined) throw new InvalidOptionsError({ field: "script", expected: "at least one step", received: steps });
  // Now rather than in the call, where the coordinator would take it for the execution's own error.
  for (const [index, { delayMs = 0 }] of steps.entries()) if (delayMs > 0) requireClock(clock, `script[${index}]`);
  return (_input: unknown, callNumber: number): ScriptedStep<Output> => steps[callNumber - 1] ?? last;
}

function requireClock(clock: Clock | undefined, neededBy: string): Clock {
  if (clock !== undefined) return clock;
  throw new InvalidOptionsError({ field: "clock", expected: `a clock, because ${neededBy} has a delayMs`, received: clock });
}

function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return untilAborted(signal, ({ resolve }) => {
    const timer = clock.setTimeout(() => resolve(), delayMs);
    return () => clock.clearTimeout(timer);
  });
}
