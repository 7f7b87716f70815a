import type { RunContext } from "../model/run-context.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import type { SerializedError } from "../model/serialized-error.ts";

/** Gives a result when the executor has failed to the end. */
export interface FallbackStrategy<Request extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  /** Whether it is worth asking now. */
  canProvide(context: FallbackContext<Request, Step>): boolean | Promise<boolean>;
  /** The result of the pass, or undefined when there is none to give. */
  get(context: FallbackContext<Request, Step>): Step | undefined | Promise<Step | undefined>;
}

/** What a fallback strategy knows. */
export interface FallbackContext<Request extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  readonly request: Request;
  readonly iteration: number;
  readonly pass: number;
  /** Outputs of all passes that are still in the history, oldest first. */
  readonly previousOutputs: readonly string[];
  readonly context: RunContext;
  /** What the last try threw. */
  readonly error?: SerializedError;
  /** What the last try gave, where it did not throw. */
  readonly result?: Step;
}
