import type { ApprovalAnswer, ApprovalRequest } from "../model/approval.ts";
import type { ApprovalPoint } from "../model/loop-settings.ts";
import type { RunFact } from "../model/run-event.ts";
import { isAskedAt } from "../model/run-question.ts";
import type { StepInput } from "../model/run-step.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutorScope } from "../ports/executor.ts";
import { checkedAnswer, type RunCalls } from "./run-calls.ts";
import type { ResolvedParts } from "./run-parts.ts";

/** What the scope of an executor needs of its run. */
export interface UserScopeRun {
  readonly executionId: string;
  readonly clock: Clock;
  readonly calls: RunCalls;
  readonly parts: ResolvedParts;
  send(event: { type: "fact.reported"; fact: RunFact }): void;
}

interface Details {
  prompt?: string;
  description?: string;
}

const deferralMs = 1_000;

/** Gives each executor call its scope, and asks humans on behalf of user code. */
export class UserScope {
  readonly #run: UserScopeRun;
  readonly #pending = new Map<string, (answer: ApprovalAnswer) => void>();
  #questions = 0;

  constructor(run: UserScopeRun) {
    this.#run = run;
  }

  /** The scope of one call; after `close` nothing that it tells is heard. */
  open(input: StepInput, signal: AbortSignal): { scope: ExecutorScope; close(): void } {
    const { iteration, pass, context, task } = input.progress;
    let isOpen = true;
    const tell = (fact: RunFact): void => {
      if (isOpen && !signal.aborted) this.#run.send({ type: "fact.reported", fact });
    };
    const scope: ExecutorScope = {
      signal,
      executionId: this.#run.executionId,
      iteration,
      pass,
      context,
      onOutput: (chunk) => tell({ type: "taskOutput", taskId: task?.id ?? "", chunk }),
      requestApproval: (point, details = {}) => this.#ask(point, details, input, signal, tell),
    };
    return {
      scope,
      close: () => {
        isOpen = false;
      },
    };
  }

  /** Whether user code waits for the answer to this request. */
  awaits(requestId: string): boolean {
    return this.#pending.has(requestId);
  }

  /** Whether user code waits for this answer; then it has it. */
  answer(requestId: string, answer: ApprovalAnswer): boolean {
    const resolve = this.#pending.get(requestId);
    resolve?.({ ...answer });
    return resolve !== undefined;
  }

  async #ask(
    point: ApprovalPoint,
    details: Details,
    input: StepInput,
    signal: AbortSignal,
    tell: (fact: RunFact) => void,
  ): Promise<ApprovalAnswer> {
    const { available } = isAskedAt(point, input.plan) ? await this.#run.calls.checkHuman() : { available: false };
    if (!available) return { decision: "approved" };
    for (;;) {
      signal.throwIfAborted();
      const request = this.#toRequest(point, details, input);
      tell({ type: "humanApprovalRequested", point, request });
      const answer = await this.#answerInTime(request, input, signal);
      if (answer === undefined) {
        const autoApproved = input.plan.settings.humanInTheLoop.autoApproveOnTimeout;
        tell({ type: "humanApprovalTimeout", point, requestId: request.requestId, autoApproved });
        return autoApproved ? { decision: "approved" } : { decision: "rejected", comment: "nobody answered in time" };
      }
      tell({ type: "humanApprovalReceived", point, requestId: request.requestId, ...answer });
      if (answer.decision !== "deferred") return answer;
      await this.#wait(deferralMs, signal);
    }
  }

  #toRequest(point: ApprovalPoint, details: Details, { plan, progress }: StepInput): ApprovalRequest {
    const { executionId, sessionId } = plan;
    const { iteration, pass, task, prompt } = progress;
    this.#questions += 1;
    const requestId = `${sessionId}:${iteration}.${pass}.${progress.tries}:${this.#questions}`;
    const base = { requestId, point, executionId, sessionId, iteration, pass, prompt };
    return { ...base, ...(task !== undefined && { taskId: task.id }), ...details };
  }

  /** Undefined when nobody answered in time. Rejects when the call is cancelled. */
  #answerInTime(request: ApprovalRequest, { plan }: StepInput, signal: AbortSignal): Promise<ApprovalAnswer | undefined> {
    const { clock, calls, parts } = this.#run;
    const asked = new AbortController();
    return new Promise<ApprovalAnswer | undefined>((resolve, reject) => {
      const timer = clock.setTimeout(() => resolve(undefined), plan.parts.human?.responseTimeoutMs ?? 0);
      const cancel = (): void => reject(signal.reason);
      signal.addEventListener("abort", cancel, { once: true });
      asked.signal.addEventListener("abort", () => {
        clock.clearTimeout(timer);
        signal.removeEventListener("abort", cancel);
        this.#pending.delete(request.requestId);
      });
      this.#pending.set(request.requestId, (answer) => resolve(checkedAnswer(answer)));
      if (plan.parts.human?.approvals === "requestApproval") calls.askHuman(request, asked.signal).then(resolve, reject);
      else Promise.resolve(parts.human?.notify?.(request)).catch(reject);
    }).finally(() => asked.abort());
  }

  #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        this.#run.clock.clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = this.#run.clock.setTimeout(() => {
        signal.removeEventListener("abort", cancel);
        resolve();
      }, delayMs);
      signal.addEventListener("abort", cancel, { once: true });
    });
  }
}
