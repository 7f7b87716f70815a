import type { ApprovalRequest } from "../model/approval.ts";
import type { RunUsage } from "../model/run-budget.ts";
import type { RunContext } from "../model/run-context.ts";
import type { RunStopReason } from "../model/run-event.ts";
import type { HistoryEntry } from "../model/run-history.ts";
import type { StepResult } from "../model/run-task.ts";
import type { SerializedError } from "../model/serialized-error.ts";
import type { AutonomousRun } from "./autonomous-run.ts";

/** What an orchestrator shows of its run. */
export interface RunStatus<Step = StepResult> {
  /** `idle`, the state of the machine at its top, or one of the final states. */
  readonly state: string;
  readonly executionId: string;
  readonly sessionId: string;
  readonly iteration: number;
  readonly pass: number;
  /** Tasks that wait. */
  readonly queued: number;
  readonly goalAchieved: boolean;
  readonly forced: boolean;
  readonly finalOutput?: string;
  readonly lastResult?: Step;
  readonly lastError?: SerializedError;
  readonly reason?: RunStopReason;
  /** The newest entries. */
  readonly history: readonly HistoryEntry[];
  /** All entries there ever were. */
  readonly historyCount: number;
  readonly context: RunContext;
  readonly usage: RunUsage;
  /** The question that a human is being asked. */
  readonly question?: ApprovalRequest;
}

export function toRunStatus<Step>(run: AutonomousRun): RunStatus<Step> {
  const snapshot = run.actor.getSnapshot();
  const { progress, stopReason } = snapshot.context;
  const { iteration, pass, queue, goalAchieved, forced, finalOutput, lastResult, lastError, history, historyCount, context, usage } =
    progress;
  const state = typeof snapshot.value === "string" ? snapshot.value : (Object.keys(snapshot.value)[0] ?? "");
  return {
    state,
    executionId: run.executionId,
    sessionId: run.sessionId,
    iteration,
    pass,
    queued: queue.size,
    goalAchieved,
    forced,
    history,
    historyCount,
    context,
    usage,
    ...(finalOutput !== undefined && { finalOutput }),
    ...(lastResult !== undefined && { lastResult: lastResult as Step }),
    ...(lastError !== undefined && { lastError }),
    ...(stopReason !== undefined && { reason: stopReason }),
    ...(state === "askingHuman" && progress.approval !== undefined && { question: progress.approval.request }),
  };
}
