import { type ActorRefFrom, type AnyActorRef, createActor } from "xstate";
import type { OrchestratorEvent, OrchestratorFact } from "../../machines/orchestrator-setup.ts";
import type { RunBudget } from "../model/run-budget.ts";
import { type RunCheckpoint, type SafePoint, toCheckpoint, toSafePoint } from "../model/run-checkpoint.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { RunParts, RunPlan } from "../model/run-plan.ts";
import type { StepInput } from "../model/run-step.ts";
import type { RunRequest } from "../model/run-task.ts";
import type { TaskQueue } from "../model/task-queue.ts";
import type { Clock } from "../ports/clock.ts";
import type { Settings } from "../settings/settings-schema.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import { type RequestFactory, RunCalls } from "./run-calls.ts";
import type { RunMachine, RunOfSystem } from "./run-machine.ts";
import type { ResolvedParts } from "./run-parts.ts";
import type { MachineKeeper } from "./running-attempt.ts";
import { UserScope } from "./user-scope.ts";

/** What all runs of an orchestrator share. */
export interface RunEnvironment {
  readonly machine: RunMachine;
  readonly runs: WeakMap<AnyActorRef["system"], RunOfSystem>;
  readonly budget: RunBudget;
  readonly maxHistory: number;
  readonly requestFactory: RequestFactory<RunRequest>;
  makeParts(run: { executionId: string; sessionId: string; settings: Settings }): ResolvedParts;
  reportError(error: unknown): void;
}

export interface AutonomousRunOptions {
  readonly executionId: string;
  readonly sessionId: string;
  readonly settings: Settings;
  /** Also makes the machine's own timers, so that whoever runs it can hold them back. */
  readonly clock: Clock;
  readonly inspect?: InspectionObserver | undefined;
  readonly queue?: TaskQueue;
  readonly restored?: RunCheckpoint;
  /** Where its checkpoints are saved as it goes. */
  readonly keeper?: RunKeeper | undefined;
  /** Called for each event, in order; must not throw. */
  readonly onEvent: (event: RunEvent) => void;
}

/** What a run asks of whoever saves its checkpoints. */
export type RunKeeper = Pick<MachineKeeper, "saved" | "yields">;

/** One run: the actor, its parts, and its events with their numbers. */
export class AutonomousRun implements RunOfSystem {
  readonly executionId: string;
  readonly sessionId: string;
  readonly settings: Settings;
  readonly clock: Clock;
  /** A root actor with a system of its own; not started before `start`. */
  readonly actor: ActorRefFrom<RunMachine>;
  /** How the run ended; stays open while it has not, and when its actor was stopped from outside. */
  readonly outcome: Promise<RunOutcome>;
  readonly #environment: RunEnvironment;
  readonly #onEvent: (event: RunEvent) => void;
  #parts: ResolvedParts | undefined;
  #calls: RunCalls | undefined;
  #sequence: number;
  #begun = false;
  #cancelled = false;
  #callsAtWork = 0;
  readonly #whenIdle: (() => void)[] = [];
  #thrown: { readonly value: unknown } | undefined;
  readonly #keeper: RunKeeper | undefined;
  #isHeldBack = false;
  readonly #userScope: UserScope;

  constructor(environment: RunEnvironment, options: AutonomousRunOptions) {
    const { executionId, sessionId, settings, clock, restored } = options;
    this.executionId = executionId;
    this.sessionId = sessionId;
    this.settings = settings;
    this.clock = clock;
    this.#environment = environment;
    this.#onEvent = options.onEvent;
    this.#keeper = options.keeper;
    this.#sequence = restored?.sequence ?? 0;
    this.#userScope = new UserScope(this);
    const plan: RunPlan = {
      executionId,
      sessionId,
      settings: settings.orchestration,
      budget: environment.budget,
      parts: { oracle: false, fallback: false, finalIteration: { before: false, force: false } },
      maxHistory: environment.maxHistory,
    };
    this.actor = createActor(environment.machine, {
      id: executionId,
      ...(options.inspect !== undefined && { inspect: options.inspect }),
      input: {
        plan,
        ...(options.queue !== undefined && { queue: options.queue }),
        ...(restored !== undefined && { restoring: toSafePoint(restored, clock.now()) }),
      },
      clock: clock as { setTimeout(run: () => void, delayMs: number): unknown; clearTimeout(timer: unknown): void },
    });
    environment.runs.set(this.actor.system, this);
    this.actor.on("*", (fact) => this.#tell(fact));
    this.outcome = new Promise((resolve, reject) => {
      this.actor.subscribe({
        complete: () => {
          this.#disposeWhenSettled();
          const { status, output } = this.actor.getSnapshot();
          if (status === "done") resolve(output as RunOutcome);
        },
        error: (error) => {
          this.#disposeWhenSettled();
          reject(error);
        },
      });
    });
    // Whoever asked for the outcome hears of it; nobody has to ask.
    this.outcome.catch(() => {});
  }

  get parts(): ResolvedParts {
    if (this.#parts === undefined) throw new Error("a run has its parts from its start on");
    return this.#parts;
  }

  get calls(): RunCalls {
    if (this.#calls === undefined) throw new Error("a run makes no calls before its start");
    return this.#calls;
  }

  /** Begun, and not ended. */
  get isLive(): boolean {
    return this.#begun && this.actor.getSnapshot().status === "active";
  }

  get isOver(): boolean {
    return this.actor.getSnapshot().status !== "active";
  }

  /** What the last failed call threw: the error of a run that is stopped by one. */
  get thrown(): unknown {
    return this.#thrown?.value;
  }

  enqueue(request: RunRequest): void {
    this.actor.start();
    this.actor.send({ type: "task.enqueue", request });
  }

  /** Makes the parts and begins. Throws what a factory throws; nothing has happened then. */
  start(): void {
    const { requestFactory } = this.#environment;
    const parts = this.#environment.makeParts(this);
    const described = this.#described(parts);
    this.#parts = parts;
    this.#calls = new RunCalls({
      parts,
      settings: this.settings,
      requestFactory,
      scopeOf: (input, signal) => this.#userScope.open(input, signal),
    });
    this.#begun = true;
    this.actor.start();
    this.actor.send({ type: "run.start", parts: described, at: this.clock.monotonicNow(), now: this.clock.now() });
  }

  get isCancelled(): boolean {
    return this.#cancelled;
  }

  /** False when it has not begun or is over. From here on nothing is told but the one `stopped`. */
  cancel(): boolean {
    if (!this.isLive || this.#cancelled) return false;
    this.#cancelled = true;
    this.actor.send({ type: "run.cancel" });
    return true;
  }

  /** What comes when the run is over is ignored. */
  send(event: OrchestratorEvent): void {
    if (this.isOver || (event.type === "human.answered" && this.#userScope.answer(event.requestId, event))) return;
    this.actor.send(event.type === "run.resume" ? { type: "run.resume", at: this.clock.monotonicNow() } : event);
  }

  /** Whether user code waits for the answer to this request. */
  awaits(requestId: unknown): boolean {
    return typeof requestId === "string" && this.#userScope.awaits(requestId);
  }

  /** The last safe point as data: what a crash now would lose is at most the pass in hand. */
  checkpoint(): RunCheckpoint {
    const { executionId, sessionId, clock, safePoint } = this;
    const { progress } = safePoint;
    const { usage } = progress;
    // The time that it has waited so far is used up; the time that it waits from now on will be when it goes on.
    const wallMs = this.#isWaiting ? clock.monotonicNow() - this.actor.getSnapshot().context.beganAt : 0;
    const current = { ...safePoint, progress: { ...progress, usage: { ...usage, wallMs: Math.max(usage.wallMs, wallMs) } } };
    return toCheckpoint({ executionId, sessionId, sequence: this.#sequence }, current, clock.now());
  }

  /** The same object until the next one. */
  get safePoint(): SafePoint {
    return this.actor.getSnapshot().context.saved;
  }

  /** Nothing is at work that its checkpoint does not have: it waits for somebody, or is held back where a pass begins. */
  get isAtRest(): boolean {
    return this.#isWaiting || this.#isHeldBack;
  }

  /** Where the run is to be given back, a pass does not begin any more. */
  holdsBack({ progress }: StepInput): boolean {
    // What was tried already is part of no safe point.
    this.#isHeldBack ||= progress.tries === 1 && this.#keeper?.yields() === true;
    return this.#isHeldBack;
  }

  async saved(): Promise<void> {
    await this.#keeper?.saved();
  }

  /** Resolves with the outcome once no call to executor, oracle or strategies is at work any more: some go on after a cancel. */
  async settled(): Promise<RunOutcome> {
    const outcome = await this.outcome;
    if (this.#callsAtWork > 0) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    return outcome;
  }

  callBegan(): void {
    this.#callsAtWork += 1;
  }

  callEnded(): void {
    this.#callsAtWork -= 1;
    if (this.#callsAtWork > 0 || !this.isOver) return;
    for (const tell of this.#whenIdle.splice(0)) tell();
  }

  threw(value: unknown): void {
    this.#thrown = { value };
  }

  reportError(error: unknown): void {
    this.#environment.reportError(error);
  }

  get #isWaiting(): boolean {
    return this.safePoint.isAtRest && this.actor.getSnapshot().hasTag("waiting");
  }

  /** Throws what a part throws when it is asked about itself; then it is of no use, nor are the others. */
  #described(parts: ResolvedParts): RunParts {
    try {
      return parts.describe();
    } catch (error) {
      void parts.dispose((thrown) => this.reportError(thrown));
      throw error;
    }
  }

  #disposeWhenSettled(): void {
    const dispose = (): void => void this.#parts?.dispose((error) => this.reportError(error));
    if (this.#callsAtWork > 0) this.#whenIdle.push(dispose);
    else dispose();
  }

  #tell(fact: OrchestratorFact): void {
    // A cancel takes effect with the machine's next event; what this step still has to say came too late.
    if (this.#cancelled && fact.type !== "stopped") return;
    this.#sequence += 1;
    const { executionId, sessionId } = this;
    const event = { ...fact, executionId, sessionId, sequence: this.#sequence, at: this.clock.now() };
    if (event.type === "checkpointCreated") {
      // Made when somebody looks: most checkpoints are only counted.
      const saved = this.safePoint;
      const ids = { executionId, sessionId, sequence: this.#sequence };
      let made: RunCheckpoint | undefined;
      Object.defineProperty(event, "checkpoint", {
        enumerable: true,
        get: () => {
          made ??= toCheckpoint(ids, saved, event.at);
          return made;
        },
      });
    }
    this.#onEvent(event as RunEvent);
  }
}
