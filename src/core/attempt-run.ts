import type { EventObject } from "xstate";
import type { AttemptOutcome } from "../model/attempt-outcome.ts";
import { CheckpointRefusedError, YieldedError } from "../model/checkpoint-errors.ts";
import { ExecutionCancelledError, NonRetryableError } from "../model/errors.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import { backoffDelayMs } from "../model/retry-policy.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { Settings } from "../settings/settings-schema.ts";
import type { AttemptCustody } from "./attempt-custody.ts";
import type { ExecutionRecord } from "./execution-record.ts";
import type { AttemptHost, BeginAttempt, Delivery, RunningAttempt } from "./running-attempt.ts";

/** What a run reports to the supervisor; each is ignored once the run is over. */
interface AttemptReports {
  progressed(run: AttemptRun, progress: unknown): void;
  waiting(run: AttemptRun): void;
  wantsSlot(run: AttemptRun): void;
  movedOn(run: AttemptRun): void;
  signalled(run: AttemptRun, signal: string): void;
  told(run: AttemptRun, event: RunEvent): void;
  released(run: AttemptRun): void;
}

/** What all runs of a coordinator share. */
export interface AttemptEnvironment {
  readonly begin: BeginAttempt;
  readonly reports: AttemptReports;
  /** Undefined: the outcome counts as it is. */
  readonly custody: AttemptCustody | undefined;
  readonly retryIf: ((error: unknown, attempt: number) => boolean) | undefined;
  now(): number;
  remainingMs(record: ExecutionRecord): number;
  random(): number;
  reportError(error: unknown): void;
}

/** Another attempt would be of no use, or would throw away what was saved. */
const finalErrors = [NonRetryableError, YieldedError, CheckpointRefusedError];

/** One attempt of one execution: hosts the orchestrator and turns its end into an outcome. */
export class AttemptRun implements AttemptHost {
  readonly record: ExecutionRecord;
  readonly attempt: number;
  /** The orchestrator at work; undefined before it begins and after it has settled. */
  running: RunningAttempt | undefined;
  readonly #environment: AttemptEnvironment;
  #controller: AbortController | undefined;
  #released = false;
  #stopReason: { readonly reason: unknown } | undefined;

  constructor(record: ExecutionRecord, attempt: number, environment: AttemptEnvironment) {
    this.record = record;
    this.attempt = attempt;
    this.#environment = environment;
  }

  get executionId(): string {
    return this.record.request.id;
  }

  /** Made when it is first looked at: most short orchestrators never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#stopReason !== undefined) this.#controller.abort(this.#stopReason.reason);
    }
    return this.#controller.signal;
  }

  /** Asks the orchestrator to stop. Never throws. */
  stop(reason: unknown): void {
    if (this.#stopReason !== undefined) return;
    this.#stopReason = { reason };
    this.#controller?.abort(reason);
  }

  /** Asks it to stop and to be given back: unless it succeeds all the same, the execution has no end in this process. */
  release(reason: unknown): void {
    this.#released = true;
    this.stop(reason);
  }

  /** Never rejects. Begins in the next microtask, so that `start` has returned before the orchestrator does anything. */
  async run(): Promise<AttemptOutcome> {
    await undefined;
    try {
      if (this.#stopReason !== undefined) throw this.#stopReason.reason;
      this.running = this.#environment.begin(this.record.request.input, this);
      const result = await this.running.result;
      return this.#ended({ type: "succeeded", at: this.now(), result });
    } catch (error) {
      if (!this.#released) return this.#ended(this.#outcomeOf(error));
      this.#environment.reports.released(this);
      return new Promise(() => {});
    } finally {
      this.running = undefined;
    }
  }

  /** After how long a failed attempt is repeated; undefined when it is not. */
  retryDelayMs(error: unknown): number | undefined {
    const { maxAttempts, backoff, takeovers } = this.record.request;
    const failures = this.attempt - takeovers;
    if (failures >= maxAttempts || finalErrors.some((type) => error instanceof type)) return undefined;
    try {
      if (this.#environment.retryIf?.(error, this.attempt) === false) return undefined;
      return backoffDelayMs(backoff, failures, this.#environment.random);
    } catch (thrown) {
      this.#environment.reportError(thrown);
      return undefined;
    }
  }

  /** What the orchestrator says to a signal; undefined when it is not to be reached. */
  deliver(event: EventObject): Delivery | undefined {
    return this.#stopReason === undefined ? this.running?.deliver(event) : undefined;
  }

  /** Undefined where there is no machine at work. */
  get state(): OrchestratorState | undefined {
    const state = this.running?.state?.();
    return state !== undefined && this.#stopReason !== undefined ? { ...state, accepts: [] } : state;
  }

  get restored(): unknown {
    return this.record.saved;
  }

  async checkpoint(value: unknown): Promise<void> {
    this.record.saved = value;
  }

  now(): number {
    return this.#environment.now();
  }

  remainingMs(): number {
    return this.#environment.remainingMs(this.record);
  }

  progress(value: unknown): void {
    this.#environment.reports.progressed(this, value);
  }

  waiting(): void {
    this.#environment.reports.waiting(this);
  }

  wantsSlot(): void {
    this.#environment.reports.wantsSlot(this);
  }

  movedOn(): void {
    this.#environment.reports.movedOn(this);
  }

  get onRetry(): "restart" | "resume" {
    return this.record.request.onRetry;
  }

  get start(): ExecutionRecord["request"] {
    return this.record.request;
  }

  get settings(): Settings | undefined {
    return this.record.request.settings;
  }

  tell(event: RunEvent): void {
    this.#environment.reports.told(this, event);
  }

  signalled(signal: string): void {
    this.#environment.reports.signalled(this, signal);
  }

  reportError(error: unknown): void {
    this.#environment.reportError(error);
  }

  #ended(outcome: AttemptOutcome): AttemptOutcome | Promise<AttemptOutcome> {
    const { custody } = this.#environment;
    return custody === undefined ? outcome : custody.settle(this, outcome);
  }

  #outcomeOf(error: unknown): AttemptOutcome {
    const at = this.now();
    if (error instanceof ExecutionCancelledError && error.executionId === this.executionId) {
      return { type: "cancelled", at, ...(error.reason !== undefined && { reason: error.reason }) };
    }
    const retryDelayMs = this.#stopReason === undefined ? this.retryDelayMs(error) : undefined;
    return { type: "failed", at, error, ...(retryDelayMs !== undefined && { retryDelayMs }) };
  }
}
