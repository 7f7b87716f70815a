import { expect, it } from "vitest";
import { verdict } from "../../../src/model/verdict.ts";

it.each([
  [verdict.goalAchieved("a"), { isComplete: true, canContinue: false, analysis: "a", confidence: 1 }],
  [verdict.goalAchieved("a", 0.8), { isComplete: true, canContinue: false, analysis: "a", confidence: 0.8 }],
  [verdict.continueToNextIteration("a"), { isComplete: false, canContinue: true, analysis: "a", confidence: 0.5 }],
  [
    verdict.retryWithRefinedPrompt("p", "a"),
    { isComplete: false, canContinue: true, analysis: "a", confidence: 0.3, nextPromptSuggestion: "p" },
  ],
  [verdict.stop("why"), { isComplete: false, canContinue: false, analysis: "why", confidence: 0 }],
  [verdict.progress("a", 0.4), { isComplete: false, canContinue: true, analysis: "a", confidence: 0.4 }],
  [verdict.progress("a", 0.4, false), { isComplete: false, canContinue: false, analysis: "a", confidence: 0.4 }],
  [verdict.error("m"), { isComplete: false, canContinue: true, analysis: "m", confidence: 0 }],
  [verdict.error("m", false), { isComplete: false, canContinue: false, analysis: "m", confidence: 0 }],
])("a helper makes the verdict it names: %j", (made, expected) => {
  expect(made).toEqual(expected);
});
