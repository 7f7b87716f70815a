import type { ApprovalRequest, FeedbackRequest } from "./approval.ts";
import type { ApprovalPoint } from "./loop-settings.ts";
import type { RunPlan } from "./run-plan.ts";
import type { RunProgress } from "./run-progress.ts";
import { isBlank, type RunTask } from "./run-task.ts";
import { firstTask, firstTaskOfChain } from "./task-queue.ts";

/** The task that the next iteration takes; in `singleGoal` only one of the chain that began the run. */
export function nextTask({ queue, goalTaskId }: RunProgress, { settings }: RunPlan): RunTask | undefined {
  return settings.completionMode === "singleGoal" && goalTaskId !== undefined ? firstTaskOfChain(queue, goalTaskId) : firstTask(queue);
}

/** Whether a human is to be asked at that point. Whether one is available shows only when it comes to that. */
export function isAskedAt(point: ApprovalPoint, { settings, parts }: RunPlan): boolean {
  const { enabled, requiredApprovalPoints } = settings.humanInTheLoop;
  return enabled && parts.human?.approvals !== undefined && requiredApprovalPoints.includes(point);
}

/** A question is asked, with an id of its own also when it is asked again. */
export function withQuestion(progress: RunProgress, plan: RunPlan, point: ApprovalPoint, now: number): RunProgress {
  const questions = progress.questions + 1;
  const waitMs = plan.parts.human?.responseTimeoutMs ?? 0;
  return {
    ...progress,
    questions,
    verdictReviewed: progress.verdictReviewed || point === "oracleUncertain",
    approval: {
      request: toApprovalRequest(progress, plan, point, questions),
      notified: false,
      waitMs,
      ...(Number.isFinite(waitMs) && { deadlineAt: now + waitMs }),
    },
  };
}

function toApprovalRequest(progress: RunProgress, plan: RunPlan, point: ApprovalPoint, question: number): ApprovalRequest {
  const { executionId, sessionId } = plan;
  const { iteration, pass, result, verdict, error } = progress;
  const base = { requestId: `${sessionId}:${question}`, point, executionId, sessionId, iteration, pass };
  if (point === "beforeCheckpointRestore") return base;
  if (point === "beforeTaskStart") {
    const task = nextTask(progress, plan);
    return task === undefined ? base : { ...base, taskId: task.id, prompt: task.prompt };
  }
  return {
    ...base,
    ...(progress.task !== undefined && { taskId: progress.task.id }),
    prompt: progress.prompt,
    ...(result !== undefined && { output: result.output }),
    ...(verdict !== undefined && { verdict }),
    ...(error !== undefined && { error }),
  };
}

/** The text with which a human replaced the prompt. */
export function modifiedPrompt({ approval }: RunProgress): string | undefined {
  const answer = approval?.answer;
  return answer?.decision === "modifyAndApprove" && !isBlank(answer.modifiedAction) ? answer.modifiedAction : undefined;
}

/** A pending question after a restore: what is left of the time for its answer. */
export function withRemainingWait(progress: RunProgress, now: number): RunProgress {
  const { approval } = progress;
  if (approval?.deadlineAt === undefined) return progress;
  return { ...progress, approval: { ...approval, waitMs: Math.max(0, approval.deadlineAt - now) } };
}

export function toFeedbackRequest(progress: RunProgress, { executionId, sessionId }: RunPlan): FeedbackRequest {
  const { iteration, task, result, goalAchieved } = progress;
  return {
    requestId: `${sessionId}:feedback:${iteration}`,
    executionId,
    sessionId,
    iteration,
    taskId: task?.id ?? "",
    goal: task?.goal ?? "",
    output: result?.output ?? "",
    goalAchieved,
  };
}
