import { extractJson } from "./extract-json.ts";
import type { Reflection } from "./reflection.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** The analysis of a verdict that came without one. */
export const defaultAnalysis = "The oracle gave no analysis.";

type Fields = ReadonlyMap<string, unknown>;

const verdictKeys = ["iscomplete", "cancontinue", "analysis", "nextpromptsuggestion", "confidence", "reflection"];

/**
 * Reads a verdict out of a model's answer (see `extractJson` for where the JSON may stand).
 * Keys are read in any letter case, confidence is put between 0 and 1, what is missing counts as no, 0 or none.
 * An answer that cannot be read gives an error verdict that may continue; nothing is thrown.
 */
export function parseVerdict(text: string): Verdict {
  const fields = fieldsOf(extractJson(text));
  if (fields === undefined || !verdictKeys.some((key) => fields.has(key))) {
    return verdict.error("The oracle's answer holds no verdict that can be read.");
  }
  const suggestion = textOf(fields.get("nextpromptsuggestion"));
  const reflection = toReflection(fields.get("reflection"));
  return {
    isComplete: toBoolean(fields.get("iscomplete")),
    canContinue: toBoolean(fields.get("cancontinue")),
    analysis: textOf(fields.get("analysis")) ?? defaultAnalysis,
    confidence: toConfidence(fields.get("confidence")),
    ...(suggestion !== undefined && { nextPromptSuggestion: suggestion }),
    ...(reflection !== undefined && { reflection }),
  };
}

function toReflection(value: unknown): Reflection | undefined {
  const fields = fieldsOf(value);
  if (fields === undefined) return undefined;
  const whatWorkedWell = textOf(fields.get("whatworkedwell"));
  const whatCouldImprove = textOf(fields.get("whatcouldimprove"));
  const lessonsLearned = textOf(fields.get("lessonslearned"));
  const suggestedStrategy = textOf(fields.get("suggestedstrategy"));
  return {
    ...(whatWorkedWell !== undefined && { whatWorkedWell }),
    ...(whatCouldImprove !== undefined && { whatCouldImprove }),
    ...(lessonsLearned !== undefined && { lessonsLearned }),
    ...(suggestedStrategy !== undefined && { suggestedStrategy }),
  };
}

/** An object's values by key in lower case and without underscores; a list stands for its only item. */
function fieldsOf(value: unknown): Fields | undefined {
  if (Array.isArray(value)) return value.length === 1 ? fieldsOf(value[0]) : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  return new Map(Object.entries(value).map(([key, item]) => [key.replaceAll("_", "").toLowerCase(), item]));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

function toBoolean(value: unknown): boolean {
  return value === true || (typeof value === "string" && value.trim().toLowerCase() === "true");
}

function toConfidence(value: unknown): number {
  const confidence = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof confidence === "number" && !Number.isNaN(confidence) ? Math.min(1, Math.max(0, confidence)) : 0;
}
