import type { Reflection } from "./reflection.ts";
import type { TokenUsage } from "./token-usage.ts";

/** What the oracle thinks of an output. */
export interface Verdict {
  /** The goal is reached, in the oracle's opinion. */
  readonly isComplete: boolean;
  /** Another pass or iteration makes sense. */
  readonly canContinue: boolean;
  readonly analysis: string;
  /** The prompt of the next pass; blank counts as none. */
  readonly nextPromptSuggestion?: string;
  /** 0 to 1. */
  readonly confidence: number;
  readonly tokenUsage?: TokenUsage;
  readonly reflection?: Reflection;
}

/** Makes the verdicts that oracles give most often. */
export const verdict = {
  /** The goal is reached. `confidence` is 1 by default. */
  goalAchieved(analysis: string, confidence = 1): Verdict {
    return { isComplete: true, canContinue: false, analysis, confidence };
  },
  /** Not there yet; go on with another iteration. `confidence` is 0.5 by default. */
  continueToNextIteration(analysis: string, confidence = 0.5): Verdict {
    return { isComplete: false, canContinue: true, analysis, confidence };
  },
  /** Try again with this prompt in the same iteration. `confidence` is 0.3 by default. */
  retryWithRefinedPrompt(prompt: string, analysis: string, confidence = 0.3): Verdict {
    return { isComplete: false, canContinue: true, analysis, confidence, nextPromptSuggestion: prompt };
  },
  /** Not there, and going on is of no use. */
  stop(reason: string): Verdict {
    return { isComplete: false, canContinue: false, analysis: reason, confidence: 0 };
  },
  /** Not there yet, so sure of it; goes on unless `canContinue` is false. */
  progress(analysis: string, confidence: number, canContinue = true): Verdict {
    return { isComplete: false, canContinue, analysis, confidence };
  },
  /** The oracle could not judge; goes on unless `canContinue` is false. */
  error(message: string, canContinue = true): Verdict {
    return { isComplete: false, canContinue, analysis: message, confidence: 0 };
  },
} as const;
