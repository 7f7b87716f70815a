import type { ApprovalAnswer, ApprovalRequest, Feedback, FeedbackRequest } from "../model/approval.ts";

/** A human, or what stands for one. Decisions come by `requestApproval` or, where they may outlive the process, after `notify`. */
export interface HumanInTheLoop {
  /** False: nobody is asked, and the run goes on as if the point were not required. True by default. */
  readonly isAvailable?: boolean | (() => boolean | Promise<boolean>);
  /** How long the orchestrator waits for one answer, in milliseconds; 300 000. */
  readonly responseTimeoutMs?: number;
  /** Gives the human's decision; nobody waits for it any more once the signal is aborted. */
  requestApproval?(request: ApprovalRequest, options: { signal: AbortSignal }): Promise<ApprovalAnswer>;
  /** Tells a human of the request, once per request id; the answer comes later as the event `human.answered`. */
  notify?(request: ApprovalRequest): void | Promise<void>;
  /** Gives what the human thinks of a finished task, or undefined. */
  requestFeedback?(request: FeedbackRequest, options: { signal: AbortSignal }): Promise<Feedback | undefined>;
}
