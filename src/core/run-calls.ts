import { type ApprovalAnswer, type ApprovalRequest, approvalDecisions, type Feedback, isApprovalAnswer } from "../model/approval.ts";
import { normalVerdict } from "../model/normal-verdict.ts";
import { toFeedbackRequest } from "../model/run-question.ts";
import type { StepInput } from "../model/run-step.ts";
import { isRequest, type RunRequest, type StepResult } from "../model/run-task.ts";
import type { Verdict } from "../model/verdict.ts";
import type { ExecutorScope } from "../ports/executor.ts";
import type { FinalIterationContext } from "../ports/final-iteration-strategy.ts";
import type { Settings } from "../settings/settings-schema.ts";
import type { ResolvedParts } from "./run-parts.ts";

/** Makes the request of a follow-up prompt; `parent` is the request it follows. */
export type RequestFactory<Request extends RunRequest> = (id: string, prompt: string, parent: Request) => Request;

export const defaultRequestFactory = (id: string, prompt: string, parent: RunRequest): RunRequest => ({ ...parent, id, prompt });

/** What the calls of a run need of it. */
export interface RunCallsHost {
  readonly parts: ResolvedParts;
  readonly settings: Settings;
  readonly requestFactory: RequestFactory<RunRequest>;
  scopeOf(input: StepInput, signal: AbortSignal): { scope: ExecutorScope; close(): void };
}

/** The calls that a run makes to the user's parts, each checked on its way back. */
export class RunCalls {
  readonly #host: RunCallsHost;

  constructor(host: RunCallsHost) {
    this.#host = host;
  }

  async executeTask(input: StepInput, signal: AbortSignal): Promise<{ result: StepResult; request: RunRequest }> {
    const request = this.#requestOf(input);
    const { scope, close } = this.#host.scopeOf(input, signal);
    try {
      const result = await this.#host.parts.executor.execute(request, scope);
      return { result: checkedResult(result, "an executor"), request };
    } finally {
      close();
    }
  }

  async verifyOutput({ progress }: StepInput, signal: AbortSignal): Promise<{ verdict: Verdict }> {
    const { task, result, iteration, context } = progress;
    const question = { goal: task?.goal ?? "", output: result?.output ?? "", iteration, context, config: this.#host.settings };
    const verdict = await this.#host.parts.oracle?.verify(question, { signal });
    return { verdict: normalVerdict(verdict as Verdict) };
  }

  async provideFallback(input: StepInput): Promise<{ result?: StepResult }> {
    const { iteration, pass, context, error, result, history } = input.progress;
    const question = {
      request: this.#requestOf(input),
      iteration,
      pass,
      context,
      previousOutputs: history.flatMap(({ output }) => (output === undefined ? [] : [output])),
      ...(error !== undefined && { error }),
      ...(result !== undefined && { result }),
    };
    const { fallback } = this.#host.parts;
    const given = (await fallback?.canProvide(question)) ? await fallback?.get(question) : undefined;
    return given === undefined || given === null ? {} : { result: checkedResult(given, "a fallback") };
  }

  async prepareFinalIteration(input: StepInput): Promise<{ request?: RunRequest }> {
    const request = await this.#host.parts.finalIteration?.before?.(this.#finalContext(input));
    if (request === undefined || request === null) return {};
    return { request: checkedRequest(request, "before") };
  }

  async forceCompletion(input: StepInput): Promise<{ result?: StepResult }> {
    const given = await this.#host.parts.finalIteration?.forceCompletion?.(this.#finalContext(input));
    return given === undefined || given === null ? {} : { result: checkedResult(given, "forceCompletion") };
  }

  async checkHuman(): Promise<{ available: boolean }> {
    const isAvailable = this.#host.parts.human?.isAvailable ?? true;
    return { available: typeof isAvailable === "function" ? await isAvailable() : isAvailable };
  }

  async requestApproval({ progress }: StepInput, signal: AbortSignal): Promise<{ answer: ApprovalAnswer }> {
    return { answer: await this.askHuman(progress.approval?.request as ApprovalRequest, signal) };
  }

  async askHuman(request: ApprovalRequest, signal: AbortSignal): Promise<ApprovalAnswer> {
    return checkedAnswer((await this.#host.parts.human?.requestApproval?.(request, { signal })) as ApprovalAnswer);
  }

  async notifyHuman({ progress }: StepInput): Promise<object> {
    await this.#host.parts.human?.notify?.(progress.approval?.request as ApprovalRequest);
    return {};
  }

  async requestFeedback({ plan, progress }: StepInput, signal: AbortSignal): Promise<{ feedback?: Feedback }> {
    const feedback = await this.#host.parts.human?.requestFeedback?.(toFeedbackRequest(progress, plan), { signal });
    return feedback === undefined || feedback === null ? {} : { feedback };
  }

  #requestOf({ progress: { task, prompt } }: StepInput): RunRequest {
    if (task === undefined) throw new Error("no task is in hand");
    const { request, id } = task;
    if (request.id === id && request.prompt === prompt) return request;
    return checkedRequest(this.#host.requestFactory(id, prompt, request), "a request factory");
  }

  #finalContext(input: StepInput): FinalIterationContext {
    const { progress, plan } = input;
    const { task, iteration, context, history, lastResult } = progress;
    return {
      request: this.#requestOf(input),
      goal: task?.goal ?? "",
      iteration,
      remaining: plan.settings.maxIterations - iteration + 1,
      context,
      history,
      ...(lastResult !== undefined && { lastResult }),
    };
  }
}

export function checkedAnswer(answer: ApprovalAnswer): ApprovalAnswer {
  if (isApprovalAnswer(answer)) return answer;
  throw new TypeError(`a human's answer must be { decision: one of ${approvalDecisions.join(", ")} }`);
}

function checkedRequest(request: RunRequest, who: string): RunRequest {
  if (!isRequest(request)) throw new TypeError(`${who} must give a request { id: string, prompt: string }`);
  return request;
}

function checkedResult(result: StepResult, who: string): StepResult {
  if (typeof result !== "object" || result === null || typeof result.success !== "boolean" || typeof result.output !== "string") {
    throw new TypeError(`${who} must give { success: boolean, output: string }`);
  }
  return result;
}
