import type { TokenUsage } from "./token-usage.ts";

/** What an executor is asked to do. Users add fields of their own; checkpoints keep them, so they have to survive JSON. */
export interface RunRequest {
  readonly id: string;
  readonly prompt: string;
}

/** What an executor made of a request. Users add fields of their own; checkpoints keep them, so they have to survive JSON. */
export interface StepResult {
  readonly success: boolean;
  readonly output: string;
  readonly errorOutput?: string;
  /** Counted against the budget; without it the tokens are estimated from prompt and output. */
  readonly tokenUsage?: TokenUsage;
  /** Counted against `maxCost`, together with `tokenUsage.cost`. */
  readonly cost?: number;
}

/** One turn of the outer loop, waiting or in hand. */
export interface RunTask {
  readonly id: string;
  readonly prompt: string;
  /** What the oracle is asked about: the prompt of the task that began the chain. */
  readonly goal: string;
  /** The task that began the chain of continuations; itself, where there is none. */
  readonly rootId: string;
  readonly parentTaskId?: string;
  /** The request as given; for a follow-up prompt the request it follows, from which the request factory makes a new one. */
  readonly request: RunRequest;
}

/** Whether something from outside can be a request. */
export function isRequest(value: unknown): value is RunRequest {
  const { id, prompt } = (typeof value === "object" && value !== null ? value : {}) as Partial<RunRequest>;
  return typeof id === "string" && typeof prompt === "string";
}

/** The task that a request stands for when it begins a chain. */
export function toTask(request: RunRequest): RunTask {
  return { id: request.id, prompt: request.prompt, goal: request.prompt, rootId: request.id, request };
}

/** Empty or only white space; `null` and other non-text of untyped callers count as blank, too. */
export function isBlank(text: string | undefined): boolean {
  return typeof text !== "string" || text.trim() === "";
}

/** A result that needs no further try: success with an output. */
export function isUsable(result: StepResult): boolean {
  return result.success && !isBlank(result.output);
}
