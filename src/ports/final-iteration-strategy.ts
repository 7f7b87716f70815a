import type { RunContext } from "../model/run-context.ts";
import type { HistoryEntry } from "../model/run-history.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";

/** Makes the most of the last iterations. */
export interface FinalIterationStrategy<Request extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  /** Asked before each of the last three iterations: the request to execute instead, or undefined. */
  before?(context: FinalIterationContext<Request, Step>): Request | undefined | Promise<Request | undefined>;
  /** Asked after the last iteration without a goal: the result of the run, or undefined. */
  forceCompletion?(context: FinalIterationContext<Request, Step>): Step | undefined | Promise<Step | undefined>;
}

/** What a final-iteration strategy knows. */
export interface FinalIterationContext<Request extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  readonly request: Request;
  readonly goal: string;
  readonly iteration: number;
  /** Iterations left, this one included. */
  readonly remaining: number;
  readonly context: RunContext;
  readonly history: readonly HistoryEntry[];
  readonly lastResult?: Step;
}
