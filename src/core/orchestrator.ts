import type { AnyStateMachine, InputFrom, OutputFrom } from "xstate";
import type { ExecutionScope } from "./execution-scope.ts";

/**
 * What an execution does: an async function, or any XState machine.
 *
 * A function's result is the execution's result, and what it throws its error. A machine gets the start's input as its own input, runs as
 * a root actor, and its output is the result; while it is in a state tagged `waiting` the execution holds no slot.
 */
export type AnyOrchestrator = ((input: never, scope: ExecutionScope) => Promise<unknown>) | AnyStateMachine;

/** What `start` takes: the function's first parameter, or the machine's input. */
export type InputOf<O extends AnyOrchestrator> = O extends AnyStateMachine
  ? InputFrom<O>
  : O extends (input: infer Input, scope: ExecutionScope) => unknown
    ? Input
    : never;

/** What `waitFor` gives: what the function's promise resolves to, or the machine's output. */
export type OutputOf<O extends AnyOrchestrator> = O extends AnyStateMachine
  ? OutputFrom<O>
  : O extends (...parameters: never[]) => Promise<infer Output>
    ? Output
    : never;
