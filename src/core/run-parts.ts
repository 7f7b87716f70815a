import * as check from "../model/option-check.ts";
import type { RunParts } from "../model/run-plan.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import type { Verdict } from "../model/verdict.ts";
import type { Executor, ExecutorScope } from "../ports/executor.ts";
import type { FallbackStrategy } from "../ports/fallback-strategy.ts";
import type { FinalIterationStrategy } from "../ports/final-iteration-strategy.ts";
import type { HumanInTheLoop } from "../ports/human-in-the-loop.ts";
import type { Oracle, OracleQuestion } from "../ports/oracle.ts";
import type { Settings } from "../settings/settings-schema.ts";

/** For whom a part is made. */
export interface RunIdentity {
  readonly executionId: string;
  readonly sessionId: string;
  readonly settings: Settings;
}

/** Makes a part for one run. What it made is disposed when the run ends, if it can be. */
export interface PartFactory<Part> {
  create(run: RunIdentity): Part;
}

/** An executor as a bare function. */
export type ExecutorFunction<Request extends RunRequest, Step extends StepResult> = (
  request: Request,
  scope: ExecutorScope,
) => Promise<Step>;
/** An oracle as a bare function. */
export type OracleFunction = (question: OracleQuestion<Settings>, options: { signal: AbortSignal }) => Promise<Verdict>;

/** The user's parts of an orchestrator: each an object that all runs share, or a factory that makes one per run. */
export interface PartOptions<Request extends RunRequest, Step extends StepResult> {
  executor: Executor<Request, Step> | ExecutorFunction<Request, Step> | PartFactory<Executor<Request, Step>>;
  oracle?: Oracle<Settings> | OracleFunction | PartFactory<Oracle<Settings>>;
  humanInTheLoop?: HumanInTheLoop | PartFactory<HumanInTheLoop>;
  fallback?: FallbackStrategy<Request, Step> | PartFactory<FallbackStrategy<Request, Step>>;
  finalIteration?: FinalIterationStrategy<Request, Step> | PartFactory<FinalIterationStrategy<Request, Step>>;
}

/** The parts of one run. */
export class ResolvedParts {
  readonly executor: Executor;
  readonly oracle: Oracle<Settings> | undefined;
  readonly human: HumanInTheLoop | undefined;
  readonly fallback: FallbackStrategy | undefined;
  readonly finalIteration: FinalIterationStrategy | undefined;
  readonly #made: object[] = [];
  #disposed = false;

  /** Throws what a factory throws, after disposing what the others made. */
  constructor(options: PartOptions<RunRequest, StepResult>, run: RunIdentity) {
    const make = <Part extends object>(part: Part | PartFactory<Part> | undefined): Part | undefined => {
      if (part === undefined || !isFactory(part)) return part;
      const made = part.create(run);
      this.#made.push(made);
      return made;
    };
    try {
      const { executor, oracle } = options;
      this.executor = make(typeof executor === "function" ? { execute: executor } : executor) as Executor;
      this.oracle = make(typeof oracle === "function" ? { verify: oracle } : oracle);
      this.human = make(options.humanInTheLoop);
      this.fallback = make(options.fallback);
      this.finalIteration = make(options.finalIteration);
    } catch (error) {
      void this.dispose(() => {});
      throw error;
    }
  }

  /** What the machine has to know of them. */
  describe(): RunParts {
    const { oracle, human, fallback, finalIteration } = this;
    const isConfigured = typeof oracle?.isConfigured === "function" ? oracle.isConfigured() : (oracle?.isConfigured ?? true);
    const responseTimeoutMs = human?.responseTimeoutMs ?? 300_000;
    if (responseTimeoutMs !== Number.POSITIVE_INFINITY) check.milliseconds(responseTimeoutMs, "humanInTheLoop.responseTimeoutMs");
    const approvals = human?.requestApproval ? "requestApproval" : human?.notify ? "notify" : undefined;
    return {
      oracle: oracle !== undefined && isConfigured,
      ...(human !== undefined && {
        human: {
          ...(approvals !== undefined && { approvals }),
          feedback: human.requestFeedback !== undefined,
          responseTimeoutMs,
        },
      }),
      fallback: fallback !== undefined,
      finalIteration: { before: finalIteration?.before !== undefined, force: finalIteration?.forceCompletion !== undefined },
    };
  }

  /** Disposes what factories made, last made first; once. */
  async dispose(reportError: (error: unknown) => void): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const part of this.#made.toReversed()) {
      try {
        await disposePart(part);
      } catch (error) {
        reportError(error);
      }
    }
  }
}

type Disposing = Partial<AsyncDisposable & Disposable & { dispose(): unknown }>;

async function disposePart(part: Disposing): Promise<void> {
  if (part[Symbol.asyncDispose] !== undefined) await part[Symbol.asyncDispose]?.();
  else if (part[Symbol.dispose] !== undefined) part[Symbol.dispose]?.();
  else if (typeof part.dispose === "function") await part.dispose();
}

function isFactory<Part extends object>(part: Part | PartFactory<Part>): part is PartFactory<Part> {
  return "create" in part && typeof part.create === "function";
}
