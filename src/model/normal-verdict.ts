import type { Verdict } from "./verdict.ts";

/** A verdict as the loops rely on it: confidence within 0 to 1, optional fields absent rather than null. Throws for what is no verdict. */
export function normalVerdict(given: Verdict): Verdict {
  if (typeof given !== "object" || given === null || typeof given.isComplete !== "boolean" || typeof given.canContinue !== "boolean") {
    throw new TypeError("an oracle must give a verdict: { isComplete, canContinue, analysis, confidence }");
  }
  const confidence = Number.isFinite(given.confidence) ? Math.min(1, Math.max(0, given.confidence)) : 0;
  const { nextPromptSuggestion, tokenUsage, reflection } = given;
  const texts = reflection ? Object.values(reflection) : [];
  if (!texts.every((text) => text === undefined || text === null || typeof text === "string")) {
    throw new TypeError("a reflection of a verdict must have texts only");
  }
  const isNormal =
    confidence === given.confidence &&
    typeof given.analysis === "string" &&
    nextPromptSuggestion !== null &&
    tokenUsage !== null &&
    reflection !== null;
  if (isNormal) return given;
  return {
    isComplete: given.isComplete,
    canContinue: given.canContinue,
    analysis: typeof given.analysis === "string" ? given.analysis : "",
    confidence,
    ...(typeof nextPromptSuggestion === "string" && { nextPromptSuggestion }),
    ...(tokenUsage && { tokenUsage }),
    ...(reflection && { reflection }),
  };
}
