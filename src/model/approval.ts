import type { ApprovalPoint } from "./loop-settings.ts";
import type { SerializedError } from "./serialized-error.ts";
import type { Verdict } from "./verdict.ts";

/** A question to a human. Plain data, so that it can be shown and answered outside the process. */
export interface ApprovalRequest {
  /** The same after a restore, so that a human is told once. */
  readonly requestId: string;
  readonly point: ApprovalPoint;
  readonly executionId: string;
  readonly sessionId: string;
  readonly iteration: number;
  readonly pass: number;
  readonly taskId?: string;
  /** What is about to be executed, or was. */
  readonly prompt?: string;
  readonly output?: string;
  readonly verdict?: Verdict;
  readonly error?: SerializedError;
  /** What user code said about its own request. */
  readonly description?: string;
}

export const approvalDecisions = ["approved", "rejected", "modifyAndApprove", "deferred"] as const;

/** `deferred`: ask again in a second. `modifyAndApprove`: go on with another prompt. */
export type ApprovalDecision = (typeof approvalDecisions)[number];

/** What the human said. */
export interface ApprovalAnswer {
  readonly decision: ApprovalDecision;
  /** With `modifyAndApprove`: the prompt to use instead. Blank counts as approved. */
  readonly modifiedAction?: string;
  readonly comment?: string;
}

/** Asks what a human thinks of a finished task. */
export interface FeedbackRequest {
  readonly requestId: string;
  readonly executionId: string;
  readonly sessionId: string;
  readonly iteration: number;
  readonly taskId: string;
  readonly goal: string;
  /** Of the task's last pass. */
  readonly output: string;
  readonly goalAchieved: boolean;
}

/** What the human thinks of it; the comment is kept in the context. */
export interface Feedback {
  readonly comment?: string;
  readonly rating?: number;
}

/** Whether something from outside is an answer; what is none must not pass for an approval. */
export function isApprovalAnswer(value: unknown): value is ApprovalAnswer {
  return (
    typeof value === "object" && value !== null && (approvalDecisions as readonly unknown[]).includes((value as ApprovalAnswer).decision)
  );
}
