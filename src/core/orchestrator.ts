import type { AnyStateMachine, InputFrom, OutputFrom } from "xstate";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import type { ExecutionScope } from "./execution-scope.ts";

/**
 * What an execution does: an async function, any XState machine, or an autonomous orchestrator.
 *
 * A function's result is the execution's result, and what it throws its error. A machine gets the start's input as its own input, runs as
 * a root actor, and its output is the result; while it is in a state tagged `waiting` the execution holds no slot.
 */
export type AnyOrchestrator = ((input: never, scope: ExecutionScope) => Promise<unknown>) | AnyStateMachine | AnyAutonomousOrchestrator;

/** An autonomous orchestrator of any request and result. */
export type AnyAutonomousOrchestrator = Pick<AutonomousOrchestrator<never, never>, "settings" | "createRun">;

/** What `start` takes: the function's first parameter, the machine's input, or the autonomous orchestrator's request. */
export type InputOf<O extends AnyOrchestrator> =
  O extends AutonomousOrchestrator<infer Input, infer _Step>
    ? Input
    : O extends AnyStateMachine
      ? InputFrom<O>
      : O extends (input: infer Input, scope: ExecutionScope) => unknown
        ? Input
        : never;

/** What `waitFor` gives: what the function's promise resolves to, the machine's output, or the outcome of the run. */
export type OutputOf<O extends AnyOrchestrator> =
  O extends AutonomousOrchestrator<infer _Input, infer Step>
    ? RunOutcome<Step>
    : O extends AnyStateMachine
      ? OutputFrom<O>
      : O extends (...parameters: never[]) => Promise<infer Output>
        ? Output
        : never;
