import type { LoopSettings } from "./loop-settings.ts";
import { isBlank } from "./run-task.ts";
import type { Verdict } from "./verdict.ts";

/** What a verdict leads to, in the order in which it is read. */
export type VerdictReading = "askHuman" | "goalAchieved" | "cannotContinue" | "nextPass" | "leave";

/** What beside the verdict itself decides. */
export interface VerdictCircumstances {
  readonly confidence: LoopSettings["confidence"];
  /** The point `oracleUncertain` is required, somebody can be asked, and was not asked about this verdict yet. */
  readonly canAskHuman: boolean;
  /** The pass in hand is not the last one that limits and budget allow. */
  readonly passesLeft: boolean;
}

/** Reads a verdict that inference was applied to. Equal to a threshold: not uncertain, and sure enough. */
export function readVerdict(verdict: Verdict, { confidence, canAskHuman, passesLeft }: VerdictCircumstances): VerdictReading {
  if (canAskHuman && verdict.confidence < confidence.humanReviewThreshold) return "askHuman";
  if (verdict.isComplete && verdict.confidence >= confidence.minThreshold) return "goalAchieved";
  if (!verdict.canContinue) return "cannotContinue";
  return passesLeft && !isBlank(verdict.nextPromptSuggestion) ? "nextPass" : "leave";
}

/** The verdict as the loops use it: with `inferCanContinue`, what is not complete may continue. */
export function inferCanContinue(verdict: Verdict, enabled: boolean): Verdict {
  return enabled && !verdict.isComplete && !verdict.canContinue ? { ...verdict, canContinue: true } : verdict;
}
