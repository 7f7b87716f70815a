import { nanoid } from "nanoid";
import type { AnyStateMachine, EventObject, Subscription } from "xstate";
import { CoordinatorClosedError, InvalidOptionsError, StartAbortedError, WaitTimeoutError } from "../model/errors.ts";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, SendResult } from "../model/execution.ts";
import { type EventsOverflowed, type ExecutionEvent, type ExecutionEventType, executionEventTypes } from "../model/execution-event.ts";
import * as check from "../model/option-check.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import { mergeSettings } from "../settings/merge-settings.ts";
import { resolveSettings } from "../settings/resolve-settings.ts";
import type { Settings } from "../settings/settings-schema.ts";
import { acceptedInput } from "./accepted-input.ts";
import { type AutonomousCoordinatorOptions, toCoordinatorOptions } from "./autonomous-coordinator-options.ts";
import { commonSettings } from "./common-settings.ts";
import { type CoordinatorOptions, checkCoordinatorOptions, checkStartOptions, type StartOptions } from "./coordinator-options.ts";
import { createStats, type StatsStore } from "./coordinator-stats.ts";
import { EventStream } from "./event-stream.ts";
import type { ExecutionRequest } from "./execution-record.ts";
import type { Fleet } from "./fleet.ts";
import { type FleetOptions, toFleetOptions } from "./fleet-options.ts";
import { machineOf } from "./machine-of-orchestrator.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "./orchestrator.ts";
import { createSupervisor, type SupervisorRef } from "./supervisor.ts";
import { traceOf } from "./traced.ts";

/** Events of one type, or all of them. */
export type EventOfType<Type extends ExecutionEventType | "*", Output> = Type extends "*"
  ? ExecutionEvent<Output>
  : Extract<ExecutionEvent<Output>, { type: Type }>;

/** One of several to start. */
export interface StartEntry<Input> {
  input: Input;
  options?: StartOptions;
}

/** How to close. */
export interface CloseOptions {
  /**
   * `drain`: what is live is finished, what waits for a signal included. `cancel`: it is cancelled. `release`: what runs is aborted, and it
   * and all that is queued stay without an end, for `supervisor.getPersistedSnapshot()`. In memory `drain` by default; a durable coordinator
   * has `release`, which gives back to the store.
   */
  mode?: "drain" | "cancel" | "release";
  /** `close` takes no longer than this; what has not settled then is cancelled and abandoned, or released as it is; 30 000. */
  deadlineMs?: number;
}

/** Starts executions and stays in control of them. */
export interface Coordinator<Input, Output> {
  /**
   * Accepts an execution and gives its id; it runs as soon as it gets a slot. A refused start leaves no trace.
   *
   * @throws {InvalidOptionsError} {@link InvalidInputError} {@link CapacityExceededError} {@link DuplicateExecutionError}
   * {@link IdempotencyConflictError} {@link StartAbortedError} {@link CoordinatorClosedError}
   */
  start(input: Input, options?: StartOptions): Promise<string>;
  /** Accepts all of them, in this order, or none. Throws what `start` throws. */
  startMany(entries: readonly StartEntry<Input>[]): Promise<string[]>;
  /** The record as it is now; undefined when there is none with this id. */
  getStatus(id: string): ExecutionInfo<Output> | undefined;
  /** Where its machine stands, and which signals it takes now; undefined when none is at work for it. */
  getOrchestratorState(id: string): OrchestratorState | undefined;
  /** One page of records in the order of start. @throws {InvalidOptionsError} for a query that is none. */
  list(query?: ExecutionQuery): ExecutionPage<Output>;
  /** How many records have each status. */
  counts(): ExecutionCounts;
  /**
   * The result, when there is one.
   *
   * @throws {ExecutionFailedError} {@link ExecutionTimeoutError} {@link ExecutionCancelledError} {@link ExecutionNotFoundError}
   * {@link WaitTimeoutError} after `timeoutMs`, the signal's reason when it is aborted, {@link CoordinatorClosedError} when it was released.
   */
  waitFor(id: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Output>;
  /**
   * Offers a signal to the orchestrator. A machine takes it if its state has a transition for it; while the machine waits for a slot, what
   * it took is held, and acted on in order. A function takes up to 1 000 that it has not read.
   */
  send<Event extends EventObject>(id: string, event: Event): SendResult;
  /** Asks the execution to stop; resolves when that is recorded, to false when it had ended or is unknown. `waitFor` awaits the end. */
  cancel(id: string, reason?: string): Promise<boolean>;
  /** Removes records that ended strictly more than `olderThanMs` ago, 3 600 000 by default; resolves to how many. */
  cleanup(options?: { olderThanMs?: number }): Promise<number>;
  /** Admits nothing more from the queue; what runs goes on. */
  pause(): void;
  resume(): void;
  /** Holds from now on; a lower number stops nobody, but admits nobody either until fewer run. @throws {InvalidOptionsError} */
  setMaxConcurrent(maxConcurrent: number): void;
  /** Calls the listener for each event of that type, or of every type; what it throws goes to `onError`. */
  on<Type extends ExecutionEventType | "*">(type: Type, listener: (event: EventOfType<Type, Output>) => void): Subscription;
  /** All events from now on, until `close` or until the signal is aborted. A reader more than 10 000 behind loses the oldest and is told so. */
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<ExecutionEvent<Output> | EventsOverflowed>;
  /** Resolves when nothing is queued or running. Starts stay allowed. @throws {CoordinatorClosedError} when unfinished work was released. */
  drain(): Promise<void>;
  /** Takes no more starts, deals with what is live, and leaves no timer and no actor. A second call gives the report of the first. */
  close(options?: CloseOptions): Promise<CloseReport>;
  /** `close()`. */
  [Symbol.asyncDispose](): Promise<void>;
  /** The supervisor's actor: to inspect, to subscribe to, to persist. */
  readonly supervisor: SupervisorRef;
  /** The statechart that its orchestrator follows; undefined for a function. */
  readonly orchestratorMachine: AnyStateMachine | undefined;
  readonly stats: StatsStore;
}

/**
 * Makes a coordinator that keeps its executions in memory.
 *
 * @example
 * ```ts
 * const coordinator = createCoordinator({
 *   orchestrator: async (city: string, { signal }) => (await fetch(`https://weather.example/${city}`, { signal })).text(),
 *   maxConcurrent: 5,
 * });
 * const id = await coordinator.start("Lisbon");
 * const weather = await coordinator.waitFor(id);
 * ```
 * @throws {InvalidOptionsError}
 */
export function createCoordinator<O extends AnyOrchestrator>(options: CoordinatorOptions<O>): Coordinator<InputOf<O>, OutputOf<O>>;
/**
 * Makes a coordinator of autonomous runs from their parts: the same as with `orchestrator: createAutonomousOrchestrator(parts)`.
 *
 * @throws {InvalidOptionsError} {@link SettingsError}
 */
export function createCoordinator<Input extends RunRequest, Step extends StepResult>(
  options: AutonomousCoordinatorOptions<Input, Step>,
): Coordinator<Input, RunOutcome<Step>>;
export function createCoordinator(options: unknown): Coordinator<unknown, unknown> {
  const allOptions = toCoordinatorOptions(options);
  checkCoordinatorOptions(allOptions);
  return new InMemoryCoordinator(allOptions) as Coordinator<unknown, unknown>;
}

class InMemoryCoordinator<O extends AnyOrchestrator> implements Coordinator<InputOf<O>, OutputOf<O>> {
  readonly supervisor: SupervisorRef;
  readonly orchestratorMachine: AnyStateMachine | undefined;
  readonly stats: StatsStore;
  readonly #options: CoordinatorOptions<O>;
  readonly #fleetOptions: FleetOptions;
  readonly #generateId: () => string;
  /** Of starts that say nothing else. */
  readonly #settings: Settings | undefined;
  readonly #fleet: Fleet;
  readonly #stopSupervisor: () => void;
  readonly #streams = new Set<EventStream<OutputOf<O>>>();
  #closed: Promise<CloseReport> | undefined;

  constructor(options: CoordinatorOptions<O>) {
    this.#options = options;
    this.orchestratorMachine = machineOf(options.orchestrator);
    this.#generateId = options.generateId ?? nanoid;
    const settings = commonSettings(options);
    this.#settings = settings && resolveSettings(settings);
    const fleetOptions = toFleetOptions(options, (stats) => store.trigger.changed({ stats }));
    this.#fleetOptions = fleetOptions;
    const supervisor = createSupervisor(fleetOptions, options.snapshot);
    const { status, error, context } = supervisor.getSnapshot();
    if (status === "error") throw error;
    this.#fleet = context.fleet;
    const store = createStats(this.#fleet.stats());
    this.stats = store;
    this.supervisor = supervisor;
    this.#stopSupervisor = () => supervisor.stop();
    supervisor.start();
  }

  async start(input: InputOf<O>, options: StartOptions = {}): Promise<string> {
    const request = await this.#toRequest(input, options, "");
    const [id] = await this.#start([request]);
    return id as string;
  }

  async startMany(entries: readonly StartEntry<InputOf<O>>[]): Promise<string[]> {
    check.listOf(check.fields({ input: () => {}, options: () => {} }))(entries, "entries");
    const requests = await Promise.all(
      entries.map(({ input, options = {} }, index) => this.#toRequest(input, options, `entries[${index}].`)),
    );
    return this.#start(requests);
  }

  getStatus(id: string): ExecutionInfo<OutputOf<O>> | undefined {
    return this.#fleet.info(id) as ExecutionInfo<OutputOf<O>> | undefined;
  }

  getOrchestratorState(id: string): OrchestratorState | undefined {
    return this.#fleet.record(id)?.run?.state;
  }

  list(query: ExecutionQuery = {}): ExecutionPage<OutputOf<O>> {
    return this.#fleet.page(query) as ExecutionPage<OutputOf<O>>;
  }

  counts(): ExecutionCounts {
    return this.#fleet.counts();
  }

  async waitFor(id: string, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<OutputOf<O>> {
    check.text(id, "id");
    check.fields({ signal: check.abortSignal, timeoutMs: check.milliseconds })(options, "options");
    const { signal, timeoutMs } = options;
    if (signal === undefined && timeoutMs === undefined) {
      return new Promise((resolve, reject) => this.#fleet.waitFor(id, { resolve: resolve as (result: unknown) => void, reject }));
    }
    signal?.throwIfAborted();
    const { clock } = this.#fleetOptions;
    let stopWaiting = () => {};
    const end = new Promise<unknown>((resolve, reject) => {
      const waiter = { resolve, reject };
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const timer = timeoutMs === undefined ? undefined : clock.setTimeout(() => reject(new WaitTimeoutError(id, timeoutMs)), timeoutMs);
      stopWaiting = () => {
        signal?.removeEventListener("abort", abort);
        if (timeoutMs !== undefined) clock.clearTimeout(timer);
        this.#fleet.forget(id, waiter);
      };
      this.#fleet.waitFor(id, waiter);
    });
    try {
      return (await end) as OutputOf<O>;
    } finally {
      stopWaiting();
    }
  }

  send<Event extends EventObject>(id: string, event: Event): SendResult {
    if (typeof (event as { type?: unknown } | null)?.type !== "string") {
      throw new InvalidOptionsError({ field: "event", expected: "an object with a type", received: event });
    }
    const record = this.#fleet.record(id);
    if (record === undefined) return { accepted: false, reason: "unknown", accepts: [] };
    if (record.actor === undefined) return { accepted: false, reason: "final", accepts: [] };
    const delivery = record.run?.deliver(event) ?? { accepted: false, accepts: [] };
    if (!delivery.accepted) return { ...delivery, reason: "notAccepted" };
    this.supervisor.send({ type: "events.due" });
    return delivery;
  }

  async cancel(id: string, reason?: string): Promise<boolean> {
    if (reason !== undefined) check.text(reason, "reason");
    if (this.#fleet.mode === "closed") return false;
    return new Promise((resolve) => this.supervisor.send({ type: "execution.cancel", id, reason, resolve }));
  }

  async cleanup(options: { olderThanMs?: number } = {}): Promise<number> {
    check.fields({ olderThanMs: check.milliseconds })(options, "options");
    const { olderThanMs = 3_600_000 } = options;
    if (this.#fleet.mode === "closed") return 0;
    return new Promise((resolve) => this.supervisor.send({ type: "fleet.cleanup", olderThanMs, resolve }));
  }

  pause(): void {
    this.#sendIfOpen({ type: "supervisor.pause" });
  }

  resume(): void {
    this.#sendIfOpen({ type: "supervisor.resume" });
  }

  setMaxConcurrent(maxConcurrent: number): void {
    check.wholeNumber(1)(maxConcurrent, "maxConcurrent");
    this.#sendIfOpen({ type: "fleet.setMaxConcurrent", maxConcurrent });
  }

  on<Type extends ExecutionEventType | "*">(type: Type, listener: (event: EventOfType<Type, OutputOf<O>>) => void): Subscription {
    check.oneOf("*", ...Object.keys(executionEventTypes))(type, "type");
    check.callable(listener, "listener");
    return this.supervisor.on(type, (event) => {
      try {
        listener(event as EventOfType<Type, OutputOf<O>>);
      } catch (error) {
        this.#fleetOptions.reportError(error);
      }
    });
  }

  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<ExecutionEvent<OutputOf<O>> | EventsOverflowed> {
    check.fields({ signal: check.abortSignal })(options, "options");
    const { signal } = options;
    const end = () => stream.end();
    const stream = new EventStream<OutputOf<O>>(() => {
      subscription.unsubscribe();
      signal?.removeEventListener("abort", end);
      this.#streams.delete(stream);
    });
    const subscription = this.supervisor.on("*", (event) => stream.push(event as ExecutionEvent<OutputOf<O>>));
    signal?.addEventListener("abort", end, { once: true });
    this.#streams.add(stream);
    if (signal?.aborted || this.#fleet.mode === "closed") stream.end();
    return stream;
  }

  async drain(): Promise<void> {
    if (this.#fleet.mode === "closed") {
      const { queued, running } = this.#fleet.counts();
      if (queued + running > 0) throw new CoordinatorClosedError("the coordinator was closed before its work was done");
      return;
    }
    await new Promise<unknown>((resolve, reject) => this.supervisor.send({ type: "fleet.drain", waiter: { resolve, reject } }));
  }

  async close(options: CloseOptions = {}): Promise<CloseReport> {
    check.fields({ mode: check.oneOf("drain", "cancel", "release"), deadlineMs: check.milliseconds })(options, "options");
    this.#closed ??= this.#close(options);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ mode = "drain", deadlineMs = 30_000 }: CloseOptions): Promise<CloseReport> {
    const report = await new Promise<CloseReport>((done) => this.supervisor.send({ type: "fleet.close", mode, deadlineMs, done }));
    this.#stopSupervisor();
    for (const stream of this.#streams) stream.end();
    return report;
  }

  async #start(requests: readonly ExecutionRequest[]): Promise<string[]> {
    if (this.#fleet.mode === "closed") throw new CoordinatorClosedError();
    return new Promise((resolve, reject) => this.supervisor.send({ type: "execution.start", requests, resolve, reject }));
  }

  async #toRequest(input: InputOf<O>, options: StartOptions, where: string): Promise<ExecutionRequest> {
    checkStartOptions(options, `${where}options`);
    const { group, signal, tags } = options;
    if (signal?.aborted) throw new StartAbortedError(signal.reason);
    const retry = { ...this.#options.retry, ...options.retry };
    const settings = this.#settingsFor(options);
    const { orchestrator, inputSchema } = this.#options;
    const validated = inputSchema === undefined ? undefined : await inputSchema["~standard"].validate(input);
    const accepted = acceptedInput(orchestrator, validated, input);
    const { clock, maxOfGroup, reportError } = this.#fleetOptions;
    const id = options.id ?? this.#newId();
    return {
      id,
      input: accepted,
      settings,
      idempotencyKey: options.idempotencyKey,
      priority: options.priority ?? 0,
      group,
      groupLimit: group === undefined ? Number.POSITIVE_INFINITY : maxOfGroup(group),
      tags: tags === undefined ? noTags : Object.freeze([...tags]),
      delayMs: options.delayMs ?? 0,
      timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
      maxAttempts: retry.maxAttempts ?? 1,
      backoff: retry.backoff ?? {},
      timeLeftMs: undefined,
      onRetry: typeof orchestrator === "function" ? "resume" : (retry.onRetry ?? "restart"),
      queuedAt: clock.now(),
      signal,
      attempt: 0,
      takeovers: 0,
      startedAt: undefined,
      trace: traceOf(this.#options.tracing, { executionId: id, group }, reportError),
    };
  }

  #settingsFor({ settings }: StartOptions): Settings | undefined {
    return settings === undefined ? this.#settings : resolveSettings(mergeSettings(this.#settings, settings));
  }

  #newId(): string {
    const id = this.#generateId();
    check.text(id, "generateId()");
    return id;
  }

  #sendIfOpen(event: Parameters<SupervisorRef["send"]>[0]): void {
    if (this.#fleet.mode !== "closed") this.supervisor.send(event);
  }
}

const noTags: readonly string[] = Object.freeze([]);
