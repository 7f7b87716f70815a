/** What executor and oracle may know of the run so far. Read-only, oldest entries first. */
export interface RunContext {
  /** The goal of the task in hand. */
  readonly goal: string;
  /** Outputs of earlier passes, at most `context.maxOutputs` of them. */
  readonly previousOutputs: readonly string[];
  /** At most `context.maxLearnings` of them. */
  readonly learnings: readonly Learning[];
  /** What the oracle's reflections criticised. */
  readonly reflections: readonly Insight[];
  readonly humanComments: readonly HumanComment[];
  readonly errorNotes: readonly ErrorNote[];
}

/** What went well enough to do it again. */
export interface Learning {
  readonly iteration: number;
  readonly type: "pattern";
  readonly summary: string;
  /** The whole reflection in words. */
  readonly details: string;
  readonly confidence: number;
}

/** What should be done differently. */
export interface Insight {
  readonly iteration: number;
  readonly type: "critique";
  readonly summary: string;
  readonly suggestedAction?: string;
  readonly confidence: number;
}

/** What a human said with a decision or as feedback. */
export interface HumanComment {
  readonly iteration: number;
  readonly text: string;
}

/** A failure of this run, and what was done about it. */
export interface ErrorNote {
  readonly iteration: number;
  readonly message: string;
  readonly resolution?: string;
}

/** The newest `limit` items, oldest first; 0 keeps none. */
export function keepNewest<Item>(items: readonly Item[], limit: number): readonly Item[] {
  return limit <= 0 ? [] : items.slice(-limit);
}
