import type { ApprovalAnswer, ApprovalRequest, Feedback, FeedbackRequest } from "./approval.ts";
import type { BudgetReason } from "./run-budget.ts";
import type { RunCheckpoint } from "./run-checkpoint.ts";
import type { Insight, Learning } from "./run-context.ts";
import type { HistoryEntry } from "./run-history.ts";
import type { StepResult } from "./run-task.ts";
import type { SerializedError } from "./serialized-error.ts";
import type { Verdict } from "./verdict.ts";

/** Why a run was stopped before its queue was drained or its goal reached. */
export type RunStopReason = "cancelled" | "rejected" | "approval-timeout" | "no-more-tasks" | BudgetReason;

/** A fact about a run without where and when it happened. */
export type RunFact =
  | { readonly type: "taskEnqueued"; readonly taskId: string; readonly prompt: string; readonly parentTaskId?: string }
  | { readonly type: "started" }
  | { readonly type: "paused" }
  | { readonly type: "resumed" }
  | { readonly type: "stopped"; readonly reason: RunStopReason }
  | { readonly type: "completed"; readonly reason: "queue-empty" | "goal-achieved" }
  | { readonly type: "error"; readonly reason: "task-error" | "human-error"; readonly error: SerializedError }
  | { readonly type: "maxIterationsReached"; readonly reason: "max-iterations"; readonly queued: number }
  | { readonly type: "queueEmpty" }
  | { readonly type: "iterationStarted"; readonly taskId: string }
  | { readonly type: "iterationCompleted"; readonly taskId: string; readonly goalAchieved: boolean }
  | { readonly type: "autoContinuing"; readonly taskId: string; readonly prompt: string }
  | { readonly type: "taskStarted"; readonly taskId: string; readonly prompt: string }
  | { readonly type: "taskOutput"; readonly taskId: string; readonly chunk: string }
  | { readonly type: "taskCompleted"; readonly taskId: string; readonly goalAchieved: boolean; readonly result?: StepResult }
  | { readonly type: "taskFailed"; readonly taskId: string; readonly error: SerializedError }
  | { readonly type: "oracleVerifying"; readonly taskId: string }
  | { readonly type: "oracleVerified"; readonly taskId: string; readonly verdict: Verdict }
  | { readonly type: "oracleRetrying"; readonly taskId: string; readonly prompt: string }
  | { readonly type: "oracleComplete"; readonly taskId: string; readonly reason: "goal-achieved" | "cannot-continue" }
  | { readonly type: "oracleError"; readonly taskId: string; readonly error: SerializedError }
  | { readonly type: "historyEntryAdded"; readonly entry: HistoryEntry }
  | { readonly type: "checkpointCreated" }
  | { readonly type: "checkpointRestored" }
  | { readonly type: "humanApprovalRequested"; readonly point: ApprovalRequest["point"]; readonly request: ApprovalRequest }
  | ({ readonly type: "humanApprovalReceived"; readonly point: ApprovalRequest["point"]; readonly requestId: string } & ApprovalAnswer)
  | {
      readonly type: "humanApprovalTimeout";
      readonly point: ApprovalRequest["point"];
      readonly requestId: string;
      readonly autoApproved: boolean;
    }
  | { readonly type: "humanFeedbackRequested"; readonly request: FeedbackRequest }
  | { readonly type: "humanFeedbackReceived"; readonly requestId: string; readonly feedback: Feedback }
  | { readonly type: "contextUpdated"; readonly goal: string }
  | { readonly type: "reflectionCaptured"; readonly learning: Learning; readonly insight: Insight }
  | { readonly type: "finalIterationApproaching"; readonly remaining: number }
  | { readonly type: "requestModified"; readonly taskId: string; readonly prompt: string }
  | { readonly type: "forcedCompletion"; readonly taskId: string; readonly result: StepResult }
  | { readonly type: "retryAttempt"; readonly taskId: string; readonly attempt: number; readonly delayMs: number }
  | { readonly type: "fallbackTriggered"; readonly taskId: string }
  | { readonly type: "fallbackSucceeded"; readonly taskId: string; readonly result: StepResult }
  | { readonly type: "fallbackFailed"; readonly taskId: string };

/** The name of a fact about a run. */
export type RunEventType = RunFact["type"];

/** What every event of a run carries. */
interface RunEventPlace {
  readonly executionId: string;
  readonly sessionId: string;
  /** Rises within the run, also across a restore. */
  readonly sequence: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** 0 before the first. */
  readonly iteration: number;
  /** Of the iteration; 0 before the first. */
  readonly pass: number;
}

type Placed<Fact> = Fact extends { readonly type: "checkpointCreated" }
  ? Fact & RunEventPlace & { readonly checkpoint: RunCheckpoint }
  : Fact & RunEventPlace;

/** A fact about a run. */
export type RunEvent = Placed<RunFact>;

/** Every event type with its meaning; the README table is made from it. */
export const runEventTypes: Readonly<Record<RunEventType, string>> = {
  started: "the run begins, or goes on from a checkpoint",
  paused: "a requested pause took hold, between two iterations",
  resumed: "a paused run goes on",
  stopped: "ended early; `reason` says why",
  completed: "ended because the queue is drained or the goal achieved",
  error: "ended because a task, or asking a human, failed",
  taskEnqueued: "a task waits at the end of the queue",
  taskStarted: "the executor is about to be called for a task",
  taskOutput: "the executor gave a part of its output",
  taskCompleted: "the last pass of a task is over",
  taskFailed: "the executor failed to the end; the run goes on",
  queueEmpty: "in a goal mode no task is left",
  iterationStarted: "a task was taken and counted",
  iterationCompleted: "the iteration is over and the run goes on",
  maxIterationsReached: "ended because the iterations are used up",
  autoContinuing: "a follow-up task is about to be enqueued",
  oracleVerifying: "the oracle is about to be asked",
  oracleVerified: "the oracle gave its verdict",
  oracleRetrying: "another pass follows in the same iteration",
  oracleComplete: "the verdict ends the task; `reason` says how",
  oracleError: "the oracle failed; the task ends without a goal",
  historyEntryAdded: "a pass is in the history",
  checkpointCreated: "the run can be restored from here",
  checkpointRestored: "a run goes on from a checkpoint",
  humanApprovalRequested: "a human is asked for a decision",
  humanApprovalReceived: "the human decided",
  humanApprovalTimeout: "the human did not decide in time",
  humanFeedbackRequested: "a human is asked about a finished task",
  humanFeedbackReceived: "the human gave feedback",
  contextUpdated: "the context shows the goal of the task in hand",
  reflectionCaptured: "a reflection became a learning and an insight",
  finalIterationApproaching: "one of the last three iterations begins",
  requestModified: "the final-iteration strategy changed the prompt",
  forcedCompletion: "the final-iteration strategy gave the final output",
  retryAttempt: "the executor is called again after a delay",
  fallbackTriggered: "tries are used up; the fallback is asked",
  fallbackSucceeded: "the fallback gave the result of the pass",
  fallbackFailed: "the fallback had nothing to give",
};
