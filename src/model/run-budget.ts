import { estimateTokens } from "./estimate-tokens.ts";
import type { StepResult } from "./run-task.ts";
import { totalTokensOf } from "./token-usage.ts";
import type { Verdict } from "./verdict.ts";

/**
 * Hard limits of one run, checked before each pass: a run exceeds them by the pass in hand at most, also across crashes and restores,
 * because what is used up is part of every checkpoint.
 */
export interface RunBudget {
  /** Tokens of executor and oracle together. A result or verdict without `tokenUsage` counts a quarter of its characters. */
  maxTokens?: number;
  /** Sum of `cost` and `tokenUsage.cost` of results and verdicts, in the user's unit. */
  maxCost?: number;
  /** Milliseconds from start, pauses and waiting for humans included, time between a crash and its restore excluded. */
  maxWallMs?: number;
  /** So many iterations in a row without progress: the output of the last pass as before, and no higher confidence than before. */
  stallIterations?: number;
}

/** Which budget was spent. */
export type BudgetReason = "max-tokens" | "max-cost" | "max-wall" | "stalled";

/** What a run has used up of its budget. */
export interface RunUsage {
  readonly tokens: number;
  readonly cost: number;
  readonly wallMs: number;
  /** Iterations in a row without progress. */
  readonly stalledIterations: number;
}

export const noUsage: RunUsage = { tokens: 0, cost: 0, wallMs: 0, stalledIterations: 0 };

/** The first limit that is reached, if any: from then on no pass begins. */
export function spentBudget(budget: RunBudget, usage: RunUsage): BudgetReason | undefined {
  if (budget.maxTokens !== undefined && usage.tokens >= budget.maxTokens) return "max-tokens";
  if (budget.maxCost !== undefined && usage.cost >= budget.maxCost) return "max-cost";
  if (budget.maxWallMs !== undefined && usage.wallMs >= budget.maxWallMs) return "max-wall";
  if (budget.stallIterations !== undefined && usage.stalledIterations >= budget.stallIterations) return "stalled";
  return undefined;
}

/** Usage after an executor call; `result` is missing when it threw, then only the prompt counts. */
export function withResultUsage(usage: RunUsage, prompt: string, result: StepResult | undefined): RunUsage {
  const tokenUsage = result?.tokenUsage;
  const told = tokenUsage && counted(totalTokensOf(tokenUsage));
  const tokens = told ?? estimateTokens(prompt) + estimateTokens(result?.output ?? "");
  return { ...usage, tokens: usage.tokens + tokens, cost: usage.cost + (counted(result?.cost) ?? 0) + (counted(tokenUsage?.cost) ?? 0) };
}

/** Usage after an oracle call; `verdict` is missing when it threw, then only the output counts. */
export function withVerdictUsage(usage: RunUsage, output: string, verdict: Verdict | undefined): RunUsage {
  const tokenUsage = verdict?.tokenUsage;
  const told = tokenUsage && counted(totalTokensOf(tokenUsage));
  const tokens = told ?? estimateTokens(output) + estimateTokens(verdict?.analysis ?? "");
  return { ...usage, tokens: usage.tokens + tokens, cost: usage.cost + (counted(tokenUsage?.cost) ?? 0) };
}

/** A figure that can be counted; what a part tells may be anything, and must not switch a budget off. */
function counted(figure: number | undefined): number | undefined {
  return typeof figure === "number" && figure >= 0 && figure < Number.POSITIVE_INFINITY ? figure : undefined;
}
