import type { ApprovalAnswer } from "../src/model/approval.ts";
import type { ApprovalPoint } from "../src/model/loop-settings.ts";
import type { VerdictReading } from "../src/model/read-verdict.ts";
import type { RunPosition } from "../src/model/run-checkpoint.ts";
import type { RunFact, RunStopReason } from "../src/model/run-event.ts";
import { modifiedPrompt } from "../src/model/run-question.ts";
import type { StepFailure } from "../src/model/run-step.ts";
import type { OrchestratorContext } from "./orchestrator-setup.ts";

export interface Current {
  context: OrchestratorContext;
}

/** A fact, or how to read it off the context, as the action that tells it. */
export const tell = (params: RunFact | (({ context }: Current) => RunFact)) => ({ type: "tell", params }) as const;
export const save = (params: RunPosition) => ({ type: "save", params }) as const;
export const stopBecause = (params: RunStopReason) => ({ type: "stopBecause", params }) as const;
export const goesOnAt = (params: RunPosition) => ({ type: "goesOnAt", params }) as const;
export const humanDecidesAt = (params: ApprovalPoint) => ({ type: "humanDecidesAt", params }) as const;
export const prepareQuestion = (params: ApprovalPoint) => ({ type: "prepareQuestion", params }) as const;
export const askedAt = (params: ApprovalPoint) => ({ type: "askedAt", params }) as const;
export const decided = (params: ApprovalAnswer["decision"]) => ({ type: "decided", params }) as const;
export const verdictSays = (params: VerdictReading) => ({ type: "verdictSays", params }) as const;

export const step = ({ context: { plan, progress } }: Current) => ({ plan, progress });
export const failureOf = ({ event }: { event: { error: unknown } }) => event.error as StepFailure;
export const taskId = ({ progress }: OrchestratorContext): string => progress.task?.id ?? "";
export const refined = ({ context: { progress } }: Current): string =>
  modifiedPrompt(progress) ?? progress.verdict?.nextPromptSuggestion ?? "";
export const stopped = tell(({ context }) => ({ type: "stopped", reason: context.stopReason ?? "cancelled" }));
