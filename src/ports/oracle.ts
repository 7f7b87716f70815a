import type { LoopSettings } from "../model/loop-settings.ts";
import type { RunContext } from "../model/run-context.ts";
import type { Verdict } from "../model/verdict.ts";

/** Settings as an oracle sees them at least. */
export interface OracleConfig {
  readonly orchestration: LoopSettings;
}

/** Judges what the executor made. */
export interface Oracle<Config = OracleConfig> {
  /** False: it is not asked in the runs that begin now. True by default. */
  readonly isConfigured?: boolean | (() => boolean);
  /** Says whether the output reaches the goal; stops as soon as it can once the signal is aborted. */
  verify(question: OracleQuestion<Config>, options: { signal: AbortSignal }): Promise<Verdict>;
}

/** What an oracle is asked. */
export interface OracleQuestion<Config = OracleConfig> {
  /** What the chain of tasks began with, never a refined prompt. */
  readonly goal: string;
  readonly output: string;
  readonly iteration: number;
  readonly context: RunContext;
  /** The settings of this run. */
  readonly config: Config;
}
