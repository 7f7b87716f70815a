import type { RunUsage } from "./run-budget.ts";
import type { RunStopReason } from "./run-event.ts";
import type { StepResult } from "./run-task.ts";
import type { SerializedError } from "./serialized-error.ts";

const runFinalStates = [
  "completed",
  "stoppedByGoalAchieved",
  "stoppedByMaxIterations",
  "stoppedByCondition",
  "stoppedByUser",
  "stoppedByError",
] as const;

/** How a run ended. */
export type RunFinalState = (typeof runFinalStates)[number];

/** What a run came to. */
export interface RunOutcome<Step = StepResult> {
  readonly finalState: RunFinalState;
  /** The task that was finished last reached its goal. Stays false for a forced result. */
  readonly goalAchieved: boolean;
  /** The last output that is not blank, or the forced one. */
  readonly finalOutput?: string;
  /** The final output comes from the final-iteration strategy. */
  readonly forced: boolean;
  readonly iterations: number;
  readonly lastResult?: Step;
  /** Why it stopped, where the final state alone does not say it. */
  readonly reason?: RunStopReason;
  /** Set when `stoppedByError`. */
  readonly error?: SerializedError;
  readonly usage: RunUsage;
}
