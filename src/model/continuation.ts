import type { LoopSettings } from "./loop-settings.ts";
import { isBlank, type RunTask } from "./run-task.ts";
import type { Verdict } from "./verdict.ts";

/** Whether a finished task is followed by another one towards the same goal. `verdict` is that of its last pass. */
export function isContinued({ enabled, onIncomplete }: LoopSettings["autoContinue"], verdict: Verdict | undefined): boolean {
  return enabled && verdict !== undefined && !verdict.isComplete && (verdict.canContinue || onIncomplete);
}

/** What the placeholders of a prompt template stand for. */
export interface ContinuationSubject {
  /** The iteration that ends now; `{iteration}` is the next one. */
  readonly iteration: number;
  readonly previousOutput: string;
  readonly analysis: string | undefined;
}

/** Fills in a prompt template in one pass: placeholders inside the text put in stay as they are. */
export function continuationPrompt(template: string, { iteration, previousOutput, analysis }: ContinuationSubject): string {
  return template.replace(/\{(iteration|previous_output|oracle_analysis)\}/g, (_, name: string) => {
    if (name === "iteration") return String(iteration + 1);
    if (name === "previous_output") return shortened(previousOutput);
    return analysis === undefined || isBlank(analysis) ? "No analysis" : analysis;
  });
}

/** The follow-up of a task. Its id is derived, so that a restored run gives it the same one. */
export function toContinuation(task: RunTask, prompt: string, iteration: number): RunTask {
  return {
    id: `${task.rootId}.${iteration + 1}`,
    prompt,
    goal: task.goal,
    rootId: task.rootId,
    parentTaskId: task.id,
    request: task.request,
  };
}

const shownCharacters = 200;

function shortened(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text;
}
