import type { ExecutionState } from "../../src/index.ts";

/** What an abstract model is about. Time is counted in ticks, executions by their number in the order of start. */
export interface ModelSetup {
  readonly executions: readonly PlannedExecution[];
  readonly maxConcurrent: number;
  readonly maxConcurrentPerGroup?: number;
  /** Records that ended are kept for so many ticks, and so many of them. */
  readonly retention?: { readonly maxAge?: number; readonly maxCount?: number };
  readonly retryDelay?: number;
  readonly cancelGrace?: number;
  /** A function settles when the test says so, also after a cancel; a machine can wait, and stops at once. */
  readonly orchestrator: "function" | "machine";
  readonly commands: readonly ModelCommandType[];
  /** What `setMaxConcurrent` is called with. */
  readonly limits?: readonly number[];
}

export interface PlannedExecution {
  readonly priority?: number;
  readonly group?: string;
  readonly delay?: number;
  readonly timeout?: number;
  readonly maxAttempts?: number;
}

export type ModelCommandType = ModelCommand["type"];

/** `finish`, `fail`, `wait` and `wake` are done by the orchestrator of execution `of`; `settle` and `settleFailing` are its end after it was asked to stop. */
export type ModelCommand =
  | Command<"start" | "pause" | "resume" | "tick" | "cleanup", object>
  | Command<"setMaxConcurrent", { readonly to: number }>
  | Command<ExecutionCommandType, { readonly of: number }>;

/** Distributes over the types, so that each can be told from the others. */
type Command<Type extends string, Details> = Type extends string ? { readonly type: Type } & Details : never;

export type ExecutionCommandType = "finish" | "fail" | "cancel" | "settle" | "settleFailing" | "settleLate" | "wait" | "signal" | "wake";

export interface ModelExecution {
  state: ExecutionState | "unborn" | "removed";
  attempt: number;
  /** Ticks left of the attempt's time while it waits. */
  timeLeft: number;
  /** Waits for a slot to act on a signal. */
  returns: boolean;
  abandoned: boolean;
  /** The orchestrator was abandoned and has not settled yet. */
  isLate: boolean;
}

/** Plain JSON, because the walk over the graph compares states by it. */
export interface ModelState {
  readonly setup: ModelSetup;
  paused: boolean;
  maxConcurrent: number;
  executions: ModelExecution[];
  /** Who wants a slot, in the order in which they came. */
  line: number[];
  /** Groups with somebody in line, the one that was served longest ago in front. */
  turns: string[];
  /** In the order in which they were set. */
  timers: { of: number; left: number }[];
  /** Records that ended, the first in front; ages in ticks. */
  ended: { of: number; age: number }[];
}

export function initialModelState(setup: ModelSetup): ModelState {
  return {
    setup,
    paused: false,
    maxConcurrent: setup.maxConcurrent,
    executions: setup.executions.map(() => ({
      state: "unborn",
      attempt: 0,
      timeLeft: 0,
      returns: false,
      abandoned: false,
      isLate: false,
    })),
    line: [],
    turns: [],
    timers: [],
    ended: [],
  };
}

/** Executions that hold a slot. */
export function holders({ executions }: ModelState): number[] {
  const holding = ["running.working", "running.cancelling", "running.timingOut"];
  return [...executions.keys()].filter((of) => holding.includes((executions[of] as ModelExecution).state));
}

export function isLive({ state }: ModelExecution): boolean {
  return state.startsWith("queued.") || state.startsWith("running.");
}

export function isFinal({ state }: ModelExecution): boolean {
  return state === "completed" || state === "failed" || state === "cancelled";
}
