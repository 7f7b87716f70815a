/** What a call to a model used up. Counts are tokens; `cost` is in whatever unit the budget is given in. */
export interface TokenUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** Where the parts are not known; otherwise their sum. */
  readonly totalTokens?: number;
  readonly cost?: number;
}

/** All tokens of one call: `totalTokens` where given, otherwise input and output together. */
export function totalTokensOf({ inputTokens = 0, outputTokens = 0, totalTokens }: TokenUsage): number {
  return totalTokens ?? inputTokens + outputTokens;
}
