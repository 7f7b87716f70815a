import type { SerializedError } from "./serialized-error.ts";

interface EventBase<Type extends string> {
  readonly type: Type;
  readonly executionId: string;
  /** Rises with every event of the coordinator, so also within each execution. */
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** The attempt it belongs to; 0 before the first. */
  readonly attempt: number;
}

/** A fact about one execution. */
export type ExecutionEvent<Output = unknown> =
  | EventBase<"execution.queued">
  | EventBase<"execution.started">
  | (EventBase<"execution.progressed"> & { readonly progress: unknown })
  | EventBase<"execution.waiting">
  | EventBase<"execution.continued">
  | (EventBase<"execution.signalled"> & { readonly signal: string })
  | (EventBase<"execution.cancelling"> & { readonly reason?: string })
  | EventBase<"execution.timingOut">
  | (EventBase<"execution.retrying"> & { readonly error: SerializedError; readonly delayMs: number })
  | (EventBase<"execution.completed"> & { readonly result: Output; readonly durationMs: number })
  | (EventBase<"execution.failed"> & { readonly error: SerializedError; readonly durationMs: number; readonly abandoned?: true })
  | (EventBase<"execution.cancelled"> & { readonly durationMs: number; readonly reason?: string; readonly abandoned?: true })
  | EventBase<"execution.removed">;

/** The name of a fact about an execution. */
export type ExecutionEventType = ExecutionEvent["type"];

/** Told by `events()` in place of what a slow reader missed. */
export interface EventsOverflowed {
  readonly type: "events.overflowed";
  /** How many events were dropped since the last one that was read. */
  readonly dropped: number;
}

/** Every event type with its meaning; the README table is made from it. */
export const executionEventTypes: Readonly<Record<ExecutionEventType, string>> = {
  "execution.queued": "accepted; waits for a slot or for its delay",
  "execution.started": "an attempt holds a slot and begins",
  "execution.progressed": "the orchestrator reported progress, or its machine changed state",
  "execution.waiting": "its machine entered a state tagged `waiting`; the slot is free for others",
  "execution.continued": "it holds a slot again after waiting",
  "execution.signalled": "a signal was accepted",
  "execution.cancelling": "asked to stop; the slot stays taken until the orchestrator settles",
  "execution.timingOut": "the attempt exceeded its timeout and was asked to stop",
  "execution.retrying": "the attempt failed; another one follows after `delayMs`",
  "execution.completed": "ended with a result",
  "execution.failed": "ended with an error",
  "execution.cancelled": "ended as cancelled",
  "execution.removed": "its record was removed by retention or `cleanup`",
};
