import type { LoopSettings } from "./loop-settings.ts";
import type { RunBudget } from "./run-budget.ts";

/** What does not change during a run: who it is, its rules, and which parts there are. */
export interface RunPlan {
  readonly executionId: string;
  readonly sessionId: string;
  readonly settings: LoopSettings;
  readonly budget: RunBudget;
  readonly parts: RunParts;
  /** Newest history entries, error notes, insights and comments that are kept. */
  readonly maxHistory: number;
}

/** Which optional parts a run has. */
export interface RunParts {
  /** There is an oracle, and it is configured. */
  readonly oracle: boolean;
  readonly human?: HumanParts;
  readonly fallback: boolean;
  readonly finalIteration: { readonly before: boolean; readonly force: boolean };
}

/** How a human can be asked. */
interface HumanParts {
  /** For decisions: by a promise, or by a note that is answered later by the event `human.answered`. */
  readonly approvals?: "requestApproval" | "notify";
  readonly feedback: boolean;
  readonly responseTimeoutMs: number;
}
