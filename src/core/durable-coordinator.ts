import type { AnyStateMachine, EventObject, Subscription } from "xstate";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, SendResult } from "../model/execution.ts";
import type { EventsOverflowed, ExecutionEvent, ExecutionEventType } from "../model/execution-event.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { RunOutcome } from "../model/run-outcome.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import { toCoordinatorOptions } from "./autonomous-coordinator-options.ts";
import type { CloseOptions, EventOfType } from "./coordinator.ts";
import type { StatsStore } from "./coordinator-stats.ts";
import { StoreBackedCoordinator } from "./durable-client.ts";
import {
  checkDurableOptions,
  type DurableAutonomousOptions,
  type DurableCoordinatorOptions,
  type DurableStartOptions,
} from "./durable-options.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "./orchestrator.ts";
import type { SupervisorRef } from "./supervisor.ts";

/** One of several to start. */
export interface DurableStartEntry<Input> {
  input: Input;
  options?: Omit<DurableStartOptions, "transaction">;
}

/** How a signal is sent. */
export interface DurableSendOptions {
  /**
   * Whether to refuse a signal, with what is accepted, when its machine is known to have no transition for it: it runs in this process or is
   * parked, and no other signal is on its way to it. By default it is stored all the same.
   */
  ifAccepted?: boolean;
}

/**
 * A coordinator whose executions are in a store: they survive the process, and several processes can work on them.
 *
 * What asks the store rejects with `StoreUnavailableError` when it could not be reached for five seconds; nothing that was accepted is
 * lost by that. `pause`, `resume`, `setMaxConcurrent`, `drain`, `stats` and events are about this process; everything else is about all.
 */
export interface DurableCoordinator<Input, Output> {
  /**
   * Makes an execution durable and gives its id; a worker runs it as soon as it has a slot. A refused start leaves no trace. One that
   * rejects with `StoreUnavailableError` may have been written; with an `idempotencyKey`, another start tells.
   *
   * @throws {InvalidOptionsError} {@link InvalidInputError} {@link SerializationError} {@link CapacityExceededError}
   * {@link DuplicateExecutionError} {@link IdempotencyConflictError} {@link StartAbortedError} {@link CoordinatorClosedError}
   */
  start(input: Input, options?: DurableStartOptions): Promise<string>;
  /** Accepts all of them, in this order, or none. Throws what `start` throws. */
  startMany(entries: readonly DurableStartEntry<Input>[], options?: { transaction?: unknown }): Promise<string[]>;
  /** The record as it is now; undefined when there is none with this id. */
  getStatus(id: string): Promise<ExecutionInfo<Output> | undefined>;
  /** Where its machine stands or was saved last, and which signals it takes there; undefined when none has begun or it has ended. */
  getOrchestratorState(id: string): Promise<OrchestratorState | undefined>;
  /** One page of records in the order of start. */
  list(query?: ExecutionQuery): Promise<ExecutionPage<Output>>;
  /** How many records have each status. */
  counts(): Promise<ExecutionCounts>;
  /**
   * The result, when there is one, wherever it runs.
   *
   * @throws {ExecutionFailedError} {@link ExecutionTimeoutError} {@link ExecutionLostError} {@link ExecutionCancelledError}
   * {@link ExecutionNotFoundError} {@link WaitTimeoutError} after `timeoutMs`, the signal's reason when it is aborted,
   * {@link CoordinatorClosedError} when this coordinator closes first.
   */
  waitFor(id: string, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<Output>;
  /**
   * Stores a signal for an execution that has not ended. Its orchestrator gets the signals in order, each once in what survives of its
   * history; a machine that has no transition for one when its turn comes drops it. `ifAccepted` refuses it where that is known before.
   */
  send<Event extends EventObject>(id: string, event: Event, options?: DurableSendOptions): Promise<SendResult>;
  /** Asks the execution to stop; resolves when that is stored, to false when it had ended or is unknown. `waitFor` awaits the end. */
  cancel(id: string, reason?: string): Promise<boolean>;
  /** Removes records that ended strictly more than `olderThanMs` ago, 3 600 000 by default; resolves to how many. */
  cleanup(options?: { olderThanMs?: number }): Promise<number>;
  /** This process claims nothing until `resume`. */
  pause(): void;
  resume(): void;
  /** Of this process. A lower limit takes effect as executions end. */
  setMaxConcurrent(maxConcurrent: number): void;
  /**
   * Facts about what this process started and runs; that a start within a transaction is queued is not told, it may be rolled back. What
   * `listener` throws goes to `onError`.
   */
  on<Type extends ExecutionEventType | "*">(type: Type, listener: (event: EventOfType<Type, Output>) => void): Subscription;
  /** The same facts from now on; ends when the signal is aborted or the coordinator is closed. */
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<ExecutionEvent<Output> | EventsOverflowed>;
  /**
   * What happened to an execution in all processes, in order, where `maxStoredEvents` keeps it: at most `limit` (1 000) events with a
   * `sequence` above `after` (0). Here, `sequence` counts from 1 for each execution; numbers that are missing were dropped as the oldest.
   * Progress that came within a moment is told once. An event is there a moment (100 ms) after it happened, and those of a process that died
   * in that moment are not.
   */
  history(id: string, options?: { after?: number; limit?: number }): Promise<readonly ExecutionEvent<Output>[]>;
  /**
   * Resolves when this process holds nothing and finds nothing more to run, now or, of delayed starts and retries, later; while it is paused,
   * when it holds nothing. It does not wait for what is parked: that is in no process, and any worker wakes it. Starts stay allowed.
   */
  drain(): Promise<void>;
  /**
   * Claims nothing any more, and resolves to what became of the executions that this process held, at the latest after `deadlineMs`
   * (30 000). `release` (default): what reaches a safe point is saved and given back, the rest may finish. `drain`: all may finish.
   * Either way, what has not ended at the deadline is aborted and given back to other workers. `cancel`: all is cancelled.
   */
  close(options?: CloseOptions): Promise<CloseReport>;
  [Symbol.asyncDispose](): Promise<void>;
  /** The supervisor's actor of this process. */
  readonly supervisor: SupervisorRef;
  /** The statechart that its orchestrator follows; undefined for a function. */
  readonly orchestratorMachine: AnyStateMachine | undefined;
  /** Of this process; its counts of ends are since it was made. */
  readonly stats: StatsStore;
}

/**
 * Makes a coordinator that keeps its executions in a store.
 *
 * @example
 * ```ts
 * const coordinator = createDurableCoordinator({
 *   name: "reports",
 *   store: createSqliteStore({ filename: "reports.sqlite" }),
 *   orchestrator: async (title: string, { signal }) => write(title, signal),
 * });
 * const id = await coordinator.start("Sales");
 * ```
 * @throws {InvalidOptionsError}
 */
export function createDurableCoordinator<O extends AnyOrchestrator>(
  options: DurableCoordinatorOptions<O>,
): DurableCoordinator<InputOf<O>, OutputOf<O>>;
/**
 * Makes a durable coordinator of autonomous runs from their parts: the same as with `orchestrator: createAutonomousOrchestrator(parts)`.
 *
 * @throws {InvalidOptionsError} {@link SettingsError}
 */
export function createDurableCoordinator<Input extends RunRequest, Step extends StepResult>(
  options: DurableAutonomousOptions<Input, Step>,
): DurableCoordinator<Input, RunOutcome<Step>>;
export function createDurableCoordinator(options: unknown): DurableCoordinator<unknown, unknown> {
  const allOptions = toCoordinatorOptions(options);
  checkDurableOptions(allOptions);
  return new StoreBackedCoordinator(allOptions as DurableCoordinatorOptions<AnyOrchestrator>) as DurableCoordinator<unknown, unknown>;
}
