import type { Insight, Learning } from "./run-context.ts";

/** What an oracle noticed about the way of working, beside its judgement. */
export interface Reflection {
  readonly whatWorkedWell?: string;
  readonly whatCouldImprove?: string;
  readonly lessonsLearned?: string;
  readonly suggestedStrategy?: string;
}

/** Stands for a lesson of a reflection that says nothing. */
export const defaultLearningSummary = "No lesson was stated";
/** Stands for an insight of a reflection that says nothing. */
export const defaultInsightSummary = "No improvement was stated";

/** The learning and the insight that a reflection stands for (blank parts count as absent). */
export function mapReflection(reflection: Reflection, iteration: number): { learning: Learning; insight: Insight } {
  const whatWorkedWell = filled(reflection.whatWorkedWell);
  const whatCouldImprove = filled(reflection.whatCouldImprove);
  const lessonsLearned = filled(reflection.lessonsLearned);
  const suggestedStrategy = filled(reflection.suggestedStrategy);
  const details = [
    whatWorkedWell && `Worked well: ${whatWorkedWell}`,
    whatCouldImprove && `Could improve: ${whatCouldImprove}`,
    lessonsLearned && `Lessons learned: ${lessonsLearned}`,
    suggestedStrategy && `Suggested strategy: ${suggestedStrategy}`,
  ];
  return {
    learning: {
      iteration,
      type: "pattern",
      summary: lessonsLearned ?? whatWorkedWell ?? defaultLearningSummary,
      details: details.filter((line) => line !== undefined).join("\n"),
      confidence: 0.8,
    },
    insight: {
      iteration,
      type: "critique",
      summary: whatCouldImprove ?? lessonsLearned ?? defaultInsightSummary,
      ...(suggestedStrategy !== undefined && { suggestedAction: suggestedStrategy }),
      confidence: 0.8,
    },
  };
}

function filled(text: string | undefined): string | undefined {
  return text === undefined || text === null || text.trim() === "" ? undefined : text;
}
