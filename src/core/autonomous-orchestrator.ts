import { nanoid } from "nanoid";
import type { AnyActorRef } from "xstate";
import { AlreadyRunningError } from "../model/already-running-error.ts";
import type { ApprovalAnswer } from "../model/approval.ts";
import { InvalidOptionsError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import type { RunBudget } from "../model/run-budget.ts";
import { isRunCheckpoint, type RunCheckpoint } from "../model/run-checkpoint.ts";
import type { RunEvent, RunEventType } from "../model/run-event.ts";
import { defaultMaxHistory } from "../model/run-history.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import { isRequest, type RunRequest, type StepResult } from "../model/run-task.ts";
import { tasksOf, toTaskQueue } from "../model/task-queue.ts";
import type { Clock } from "../ports/clock.ts";
import { resolveSettings } from "../settings/resolve-settings.ts";
import type { Settings, SettingsInput } from "../settings/settings-schema.ts";
import { AutonomousRun, type RunEnvironment, type RunKeeper } from "./autonomous-run.ts";
import { type ConfigurationDescription, describeConfiguration } from "./configuration-description.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import { defaultRequestFactory, type RequestFactory } from "./run-calls.ts";
import { createRunMachine, type RunOfSystem } from "./run-machine.ts";
import { type PartOptions, ResolvedParts } from "./run-parts.ts";
import { type RunStatus, toRunStatus } from "./run-status.ts";
import { createSystemClock } from "./system-clock.ts";

/** What an autonomous orchestrator is made of. Only the executor is required. */
export interface AutonomousOrchestratorOptions<Input extends RunRequest, Step extends StepResult> extends PartOptions<Input, Step> {
  /** Makes the requests of follow-up prompts; by default a copy of the request before with another id and prompt. */
  requestFactory?: RequestFactory<Input>;
  settings?: SettingsInput;
  budget?: RunBudget;
  /** Newest history entries that are kept; 200. Error notes, insights and comments have the same bound. */
  maxHistory?: number;
  /** Id of the execution in events and scopes; a new one by default. */
  executionId?: string;
  clock?: Clock;
  generateId?: () => string;
  /** Told what listeners, fallbacks, final-iteration strategies, feedback and disposals throw. */
  onError?: (error: unknown) => void;
}

/** What a run of another host needs: a coordinator gives each execution its own. */
export interface RunOptions {
  readonly executionId: string;
  /** A new one by default; with `restored` that of the checkpoint. */
  readonly sessionId?: string | undefined;
  /** Those of the orchestrator by default. */
  readonly settings?: Settings | undefined;
  readonly inspect?: InspectionObserver | undefined;
  readonly clock?: Clock | undefined;
  readonly restored?: RunCheckpoint | undefined;
  /** Told where it matters that a checkpoint is saved. */
  readonly keeper?: RunKeeper | undefined;
  readonly onEvent?: ((event: RunEvent) => void) | undefined;
}

/** Ends a subscription; ending it twice does nothing. */
export interface RunSubscription {
  unsubscribe(): void;
}

type EventOf<Type extends RunEventType | "*"> = Type extends "*" ? RunEvent : Extract<RunEvent, { type: Type }>;

/**
 * Takes tasks from a queue, executes them and asks an oracle until the goal is reached or a limit is.
 *
 * @example
 * ```ts
 * const orchestrator = createAutonomousOrchestrator({ executor: async ({ prompt }) => ({ success: true, output: prompt.toUpperCase() }) });
 * orchestrator.enqueue({ id: "1", prompt: "hello" });
 * const { finalOutput } = await orchestrator.start(); // "HELLO"
 * ```
 */
export class AutonomousOrchestrator<Input extends RunRequest = RunRequest, Step extends StepResult = StepResult> {
  readonly executionId: string;
  readonly settings: Settings;
  readonly #options: AutonomousOrchestratorOptions<Input, Step>;
  readonly #environment: RunEnvironment;
  readonly #clock: Clock;
  readonly #generateId: () => string;
  readonly #listeners = new Map<RunEventType | "*", Set<(event: RunEvent) => void>>();
  /** The run in hand, or the one that the next start begins. */
  #run: AutonomousRun;
  /** The run that is over, shown until another one begins. */
  #finished: AutonomousRun | undefined;

  /** Use `createAutonomousOrchestrator`. */
  constructor(options: AutonomousOrchestratorOptions<Input, Step>) {
    checkOptions(options);
    this.#options = options;
    this.settings = resolveSettings(options.settings);
    this.#clock = options.clock ?? createSystemClock();
    this.#generateId = options.generateId ?? (() => nanoid());
    this.executionId = options.executionId ?? this.#generateId();
    const parts = options as unknown as PartOptions<RunRequest, StepResult>;
    const runs = new WeakMap<AnyActorRef["system"], RunOfSystem>();
    this.#environment = {
      machine: createRunMachine(runs),
      runs,
      budget: options.budget ?? {},
      maxHistory: options.maxHistory ?? defaultMaxHistory,
      requestFactory: (options.requestFactory ?? defaultRequestFactory) as RequestFactory<RunRequest>,
      makeParts: (run) => new ResolvedParts(parts, run),
      reportError: (error) => this.#reportError(error),
    };
    this.#run = this.#newRun({});
  }

  /** What the run shows now; after its end what it showed last, until the next one begins. */
  get status(): RunStatus<Step> {
    const shown = this.#finished ?? this.#run;
    const { queue } = this.#run.actor.getSnapshot().context.progress;
    return { ...toRunStatus<Step>(shown), queued: queue.size };
  }

  /** Puts a task at the end of the queue, at any time. A run that is over leaves it for the next one. */
  enqueue(request: Input): void {
    if (!isRequest(request)) {
      throw new InvalidOptionsError({ field: "request", expected: "{ id: string, prompt: string }", received: request });
    }
    this.#renew();
    this.#run.enqueue(request);
  }

  /**
   * Begins a run with what is queued and resolves with its outcome, however it ends. Rejects with `AlreadyRunningError` during a run, and
   * with what a part's factory throws; then no run has begun.
   */
  async start(): Promise<RunOutcome<Step>> {
    this.#refuseWhileLive();
    this.#renew();
    return this.#begin(this.#run);
  }

  /** Goes on from a checkpoint: same session, and of every limit and budget what was left. What is queued here gives way to its queue. */
  async restore(checkpoint: RunCheckpoint): Promise<RunOutcome<Step>> {
    this.#refuseWhileLive();
    if (!isRunCheckpoint(checkpoint)) {
      throw new InvalidOptionsError({
        field: "checkpoint",
        expected: "a checkpoint of an autonomous run, version 1",
        received: checkpoint,
      });
    }
    this.#renew();
    const { executionId, sessionId } = checkpoint;
    const before = this.#run;
    this.#run = this.#newRun({ executionId, sessionId, restored: checkpoint });
    const outcome = this.#begin(this.#run);
    before.actor.stop();
    return outcome;
  }

  /** Asks the run to pause after the iteration in hand. False when there is none. */
  pause(): boolean {
    return this.#sendLive({ type: "run.pause" });
  }

  /** Lets a paused run go on, or takes a request to pause back. False when there is no run. */
  resume(): boolean {
    return this.#sendLive({ type: "run.resume", at: this.#clock.monotonicNow() });
  }

  /** Stops the run wherever it is: it ends as `stoppedByUser`, and no further call begins. False when there is none. */
  cancel(): boolean {
    return this.#run.cancel();
  }

  /** Answers a request that a human was notified of. Answers to other requests, and to those timed out, are ignored. */
  answer(requestId: string, answer: ApprovalAnswer): boolean {
    return this.#sendLive({ type: "human.answered", requestId, ...answer });
  }

  /** The last safe point as plain data: what a crash now would lose is at most the pass in hand. */
  checkpoint(): RunCheckpoint {
    return (this.#finished ?? this.#run).checkpoint();
  }

  /** Calls the listener for each event of that type, in order. What it throws is reported and changes nothing. */
  on<Type extends RunEventType | "*">(type: Type, listener: (event: EventOf<Type>) => void): RunSubscription {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners);
    // Each subscription is its own, also for the same function.
    const call = (event: RunEvent): void => listener(event as EventOf<Type>);
    listeners.add(call);
    return { unsubscribe: () => listeners.delete(call) };
  }

  /** Everything that decides how a run goes, as plain data without secrets. */
  describeConfiguration(): ConfigurationDescription {
    return describeConfiguration(this.settings, this.#options);
  }

  /**
   * A run for a host that has its own queue, clock and life: it is not started, and has nothing to do with `start` and `status` here.
   * The host calls `start()`, forwards signals with `send`, calls `cancel()` and waits for `outcome`.
   */
  createRun(input: Input, options: RunOptions): AutonomousRun {
    const run = new AutonomousRun(this.#environment, {
      executionId: options.executionId,
      sessionId: options.restored?.sessionId ?? options.sessionId ?? this.#generateId(),
      settings: options.settings ?? this.settings,
      inspect: options.inspect,
      clock: options.clock ?? this.#clock,
      keeper: options.keeper,
      onEvent: (event) => {
        options.onEvent?.(event);
        this.#publish(event);
      },
      ...(options.restored !== undefined && { restored: options.restored }),
    });
    if (options.restored === undefined) run.enqueue(input);
    return run;
  }

  #newRun(options: { executionId?: string; sessionId?: string; restored?: RunCheckpoint; queue?: AutonomousRun }): AutonomousRun {
    return new AutonomousRun(this.#environment, {
      executionId: options.executionId ?? this.executionId,
      sessionId: options.sessionId ?? this.#generateId(),
      settings: this.settings,
      clock: this.#clock,
      onEvent: (event) => this.#publish(event),
      ...(options.restored !== undefined && { restored: options.restored }),
      ...(options.queue !== undefined && { queue: toTaskQueue(tasksOf(options.queue.actor.getSnapshot().context.progress.queue)) }),
    });
  }

  /** After a run's end its queue goes over to the next one. */
  #renew(): void {
    if (!this.#run.isOver) return;
    this.#finished = this.#run;
    this.#run = this.#newRun({ queue: this.#finished });
  }

  async #begin(run: AutonomousRun): Promise<RunOutcome<Step>> {
    run.start();
    this.#finished = undefined;
    return run.outcome as Promise<RunOutcome<Step>>;
  }

  #refuseWhileLive(): void {
    if (this.#run.isLive) throw new AlreadyRunningError(this.executionId, this.status.state);
  }

  #sendLive(event: Parameters<AutonomousRun["send"]>[0]): boolean {
    if (!this.#run.isLive) return false;
    this.#run.send(event);
    return true;
  }

  #publish(event: RunEvent): void {
    for (const type of [event.type, "*"] as const) {
      const listeners = this.#listeners.get(type);
      if (listeners === undefined) continue;
      for (const listener of listeners) {
        try {
          listener(event);
        } catch (error) {
          this.#reportError(error);
        }
      }
    }
  }

  #reportError(error: unknown): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** Makes an orchestrator that runs alone, or as the `orchestrator` of a coordinator. Throws `InvalidOptionsError` or `SettingsError`. */
export function createAutonomousOrchestrator<Input extends RunRequest = RunRequest, Step extends StepResult = StepResult>(
  options: AutonomousOrchestratorOptions<Input, Step>,
): AutonomousOrchestrator<Input, Step> {
  return new AutonomousOrchestrator(options);
}

const part = (...methods: string[]) =>
  check.either(`an object with ${methods.join(", ")}, or a factory with create`, check.having(...methods), check.having("create"));

const atLeastZero = check.numberBetween(0, Number.MAX_VALUE);

const knownOptions = check.fields({
  executor: check.either("a function, an object with execute, or a factory with create", check.callable, part("execute")),
  oracle: check.either("a function, an object with verify, or a factory with create", check.callable, part("verify")),
  humanInTheLoop: part(),
  fallback: part("canProvide", "get"),
  finalIteration: part(),
  requestFactory: check.callable,
  settings: check.having(),
  budget: check.fields({
    maxTokens: atLeastZero,
    maxCost: atLeastZero,
    maxWallMs: atLeastZero,
    stallIterations: check.wholeNumber(1),
  }),
  maxHistory: check.wholeNumber(0),
  executionId: check.text,
  clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
  generateId: check.callable,
  onError: check.callable,
});

function checkOptions<Input extends RunRequest, Step extends StepResult>(options: AutonomousOrchestratorOptions<Input, Step>): void {
  knownOptions(options, "options");
  if (options.executor === undefined) {
    throw new InvalidOptionsError({
      field: "executor",
      expected: "a function, an object with execute, or a factory with create",
      received: undefined,
    });
  }
}
