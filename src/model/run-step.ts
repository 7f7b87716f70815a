import type { ApprovalAnswer, Feedback } from "./approval.ts";
import type { RunPlan } from "./run-plan.ts";
import type { RunProgress } from "./run-progress.ts";
import type { RunRequest, StepResult } from "./run-task.ts";
import type { SerializedError } from "./serialized-error.ts";
import type { Verdict } from "./verdict.ts";

/** What every call that a run makes gets to see. */
export interface StepInput {
  readonly plan: RunPlan;
  readonly progress: RunProgress;
}

/** When a call was over, in milliseconds of the monotonic clock: the machine itself has no clock. */
type Timed = { readonly at: number };

/** `request` is the one that was executed, made by the request factory where the prompt was a follow-up. */
export type Executed = Timed & { readonly result: StepResult; readonly request: RunRequest };
export type Verified = Timed & { readonly verdict: Verdict };
/** `now` in epoch milliseconds. */
export type HumanChecked = Timed & { readonly available: boolean; readonly now: number };
export type Decided = Timed & { readonly answer: ApprovalAnswer };
export type Notified = Timed;
export type FeedbackGiven = Timed & { readonly feedback?: Feedback | undefined };
export type FallbackGiven = Timed & { readonly result?: StepResult | undefined };
export type Prepared = Timed & { readonly request?: RunRequest | undefined };
export type Forced = Timed & { readonly result?: StepResult | undefined };

/** What a call that fails rejects with. */
export type StepFailure = Timed & { readonly error: SerializedError };
