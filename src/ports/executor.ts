import type { ApprovalAnswer } from "../model/approval.ts";
import type { ApprovalPoint } from "../model/loop-settings.ts";
import type { RunContext } from "../model/run-context.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";

/** Does the work of a pass. */
export interface Executor<Request extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  /** Gives what it made of the request; stops as soon as it can once `scope.signal` is aborted. What it throws counts as a failed try. */
  execute(request: Request, scope: ExecutorScope): Promise<Step>;
}

/** What an executor gets beside the request. Its functions may be taken apart and passed on. */
export interface ExecutorScope {
  /** Aborted when the run is cancelled. */
  readonly signal: AbortSignal;
  readonly executionId: string;
  readonly iteration: number;
  /** Of the iteration, from 1. */
  readonly pass: number;
  readonly context: RunContext;
  /** Tells a part of the output as it comes; ignored once the call is over. */
  onOutput(chunk: string): void;
  /**
   * Asks a human, if the point is required by the settings and somebody is available; otherwise it is approved at once. Waits as long as
   * the loop itself would; what a late answer means is up to the settings, too.
   */
  requestApproval(point: ApprovalPoint, details?: { prompt?: string; description?: string }): Promise<ApprovalAnswer>;
}
