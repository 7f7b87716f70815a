import type { SerializedError } from "./serialized-error.ts";
import type { Verdict } from "./verdict.ts";

/** One pass, as it went. */
export interface HistoryEntry {
  readonly iteration: number;
  readonly pass: number;
  readonly taskId: string;
  readonly prompt: string;
  /** Missing when the executor threw to the end. */
  readonly output?: string;
  readonly success: boolean;
  /** What the executor or the oracle threw. */
  readonly error?: SerializedError;
  /** As it was used: after inference. */
  readonly verdict?: Verdict;
  /** Executor calls of the pass, retries included. */
  readonly tries: number;
}

/** Newest entries that are kept by default, so that a run of many iterations stays as cheap as a short one. */
export const defaultMaxHistory = 200;
