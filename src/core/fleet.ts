import { dequal } from "dequal";
import { type ActorScope, type ActorSystem, type ActorSystemInfo, createActor, fromPromise, initialTransition, transition } from "xstate";
import { executionMachine } from "../../machines/execution-machine.ts";
import { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "../../machines/supervisor-machine.ts";
import {
  CapacityExceededError,
  CoordinatorClosedError,
  DuplicateExecutionError,
  ExecutionCancelledError,
  ExecutionFailedError,
  ExecutionNotFoundError,
  ExecutionTimeoutError,
  IdempotencyConflictError,
  StartAbortedError,
} from "../model/errors.ts";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, ExecutionStatus } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { Clock } from "../ports/clock.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { Archive } from "./archive.ts";
import { type AttemptEnvironment, AttemptRun } from "./attempt-run.ts";
import { Closing } from "./closing.ts";
import type { InspectionObserver } from "./coordinator-options.ts";
import type { CoordinatorStats } from "./coordinator-stats.ts";
import { ExecutionIndex } from "./execution-index.ts";
import { type ExecutionRecord, type ExecutionRequest, toExecutionInfo, type Waiter } from "./execution-record.ts";
import { type EventDetails, Outbox } from "./outbox.ts";
import type { BeginAttempt } from "./running-attempt.ts";
import type { SupervisorEvent, SupervisorSnapshot } from "./supervisor.ts";
import { TimerQueue } from "./timer-queue.ts";

/** What a fleet is made with. */
export interface FleetOptions extends AdmissionLimits {
  readonly begin: BeginAttempt;
  readonly cancelGraceMs: number;
  readonly retention: { readonly maxAgeMs: number; readonly maxCount: number };
  readonly retryIf: ((error: unknown, attempt: number) => boolean) | undefined;
  readonly clock: Clock;
  maxOfGroup(group: string): number;
  readonly inspect: InspectionObserver | undefined;
  random(): number;
  reportError(error: unknown): void;
  statsChanged(stats: CoordinatorStats): void;
}

type FleetScope = ActorScope<SupervisorSnapshot, SupervisorEvent, ActorSystem<ActorSystemInfo>, ExecutionEvent>;

/**
 * All executions of a supervisor: the state of its actor. It is changed in place, since a copy per event would cost O(n); only the
 * supervisor's transition changes it. What others are told waits in the outbox until the transition is over.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #scope: FleetScope;
  readonly #executionLogic;
  readonly #environment: AttemptEnvironment;
  readonly #records = new Map<string, ExecutionRecord>();
  readonly #byKey = new Map<string, ExecutionRecord>();
  readonly #index = new ExecutionIndex();
  readonly #admission: Admission;
  readonly #timers: TimerQueue;
  readonly #archive: Archive;
  readonly #outbox: Outbox;
  #mode = initialTransition(supervisorMachine)[0];
  #closing: Closing | undefined;
  #drained: (() => void)[] = [];
  #rateTimerSet = false;
  #statsChanged = false;
  #sequence = 0;
  #waiting = 0;
  #abandoned = 0;

  constructor(options: FleetOptions, scope: FleetScope) {
    const { clock, reportError, random, retryIf } = options;
    const { self } = scope;
    this.#options = options;
    this.#scope = scope;
    this.#admission = new Admission(options, () => clock.monotonicNow());
    this.#timers = new TimerQueue(clock, () => self.send({ type: "timers.due" }));
    this.#archive = new Archive(clock, options.retention, () => self.send({ type: "retention.due" }));
    this.#outbox = new Outbox(clock, reportError);
    this.#environment = {
      begin: options.begin,
      reports: {
        progressed: (run, progress) => self.send({ type: "attempt.progressed", run, progress }),
        waiting: (run) => self.send({ type: "attempt.waiting", run }),
        wantsSlot: (run) => self.send({ type: "attempt.wantsSlot", run }),
        movedOn: (run) => self.send({ type: "attempt.movedOn", run }),
        // Only noted: it is told together with what the orchestrator does about it.
        signalled: (run, signal) => this.#emit(run.record, { type: "execution.signalled", signal }),
        released: (run) => self.send({ type: "attempt.released", run }),
      },
      retryIf,
      now: () => clock.now(),
      remainingMs: ({ timer }) => (timer === undefined ? Number.POSITIVE_INFINITY : this.#timers.remainingMs(timer)),
      random,
      reportError,
    };
    this.#executionLogic = executionMachine.provide({
      actors: {
        runAttempt: fromPromise(({ input }) => (this.#records.get(input.executionId)?.run as AttemptRun).run()),
      },
      actions: {
        abortAttempt: ({ self: child }, why) => {
          const run = this.#records.get(child.id)?.run;
          const reason = "error" in why ? why.error : new ExecutionCancelledError(child.id, why.reason);
          this.#outbox.addTask(() => run?.stop(reason));
        },
      },
    });
  }

  // Questions, at any time.

  get mode(): SupervisorMode {
    return this.#mode.value;
  }

  record(id: string): ExecutionRecord | undefined {
    return this.#records.get(id);
  }

  /** In the order of start. */
  records(): Iterable<ExecutionRecord> {
    return this.#index.values();
  }

  info(id: string): ExecutionInfo | undefined {
    const record = this.#records.get(id);
    return record && toExecutionInfo(record, this.#options.clock.now());
  }

  page(query: ExecutionQuery): ExecutionPage {
    const { records, nextCursor } = this.#index.page(query);
    const now = this.#options.clock.now();
    const items = records.map((record) => toExecutionInfo(record, now));
    return nextCursor === undefined ? { items } : { items, nextCursor };
  }

  counts(): ExecutionCounts {
    const index = this.#index;
    return {
      queued: index.count("queued"),
      running: index.count("running"),
      completed: index.count("completed"),
      failed: index.count("failed"),
      cancelled: index.count("cancelled"),
      total: index.size,
    };
  }

  stats(): CoordinatorStats {
    const { total: _, ...counts } = this.counts();
    const { maxConcurrent, taken } = this.#admission;
    return { mode: this.mode, maxConcurrent, slotsTaken: taken, waiting: this.#waiting, abandoned: this.#abandoned, ...counts };
  }

  /** When its timer is due, as an instant. */
  dueAt({ timer }: ExecutionRecord): number | undefined {
    return timer && this.#options.clock.now() + this.#timers.remainingMs(timer);
  }

  // Commands.

  /** All of them or none. Gives their ids; with an idempotency key that is known, the id of then. */
  start(requests: readonly ExecutionRequest[]): string[] {
    if (this.mode !== "accepting" && this.mode !== "paused") throw new CoordinatorClosedError();
    const fresh = new Map<string, ExecutionRequest>();
    const freshByKey = new Map<string, ExecutionRequest>();
    const ids = requests.map((request) => {
      const { id, idempotencyKey, signal } = request;
      const earlier =
        idempotencyKey === undefined ? undefined : (this.#byKey.get(idempotencyKey)?.request ?? freshByKey.get(idempotencyKey));
      if (earlier !== undefined) {
        if (!dequal(earlier.input, request.input)) throw new IdempotencyConflictError(idempotencyKey as string, earlier.id);
        return earlier.id;
      }
      if (this.#records.has(id) || fresh.has(id)) throw new DuplicateExecutionError(id);
      if (signal?.aborted) throw new StartAbortedError(signal.reason);
      fresh.set(id, request);
      if (idempotencyKey !== undefined) freshByKey.set(idempotencyKey, request);
      return id;
    });
    this.#checkRoom([...fresh.values()]);
    for (const request of fresh.values()) this.#create(request);
    this.#admit();
    return ids;
  }

  /** Begins to admit. */
  begin(): void {
    this.#admit();
  }

  /** Queues what an earlier process had not finished. */
  adopt(request: ExecutionRequest): void {
    this.#create(request);
  }

  /** Shows again what an earlier process had finished. */
  adoptFinished(request: ExecutionRequest, info: ExecutionInfo): void {
    const record = this.#register(request, info.status);
    record.final = { info, error: undefined };
    this.#archive.add(record);
    for (const surplus of this.#archive.surplus()) this.#remove(surplus);
  }

  cancel(id: string, reason: string | undefined): boolean {
    const record = this.#records.get(id);
    if (record?.actor === undefined) return false;
    this.#cancel(record, reason);
    this.#admit();
    return true;
  }

  cleanup(olderThanMs: number): number {
    const old = this.#archive.olderThan(olderThanMs);
    for (const record of old) this.#remove(record);
    return old.length;
  }

  changeMode(event: SupervisorModeEvent): void {
    [this.#mode] = transition(supervisorMachine, this.#mode, event);
    this.#statsChanged = true;
    this.#admit();
  }

  setMaxConcurrent(maxConcurrent: number): void {
    this.#admission.maxConcurrent = maxConcurrent;
    this.#statsChanged = true;
    this.#admit();
  }

  waitFor(id: string, waiter: Waiter): void {
    const record = this.#records.get(id);
    if (record === undefined) waiter.reject(new ExecutionNotFoundError(id));
    else if (record.final !== undefined) settle(waiter, record);
    else if (this.mode === "closed") waiter.reject(releasedError(id));
    else (record.waiters ??= []).push(waiter);
  }

  /** This waiter waits no more. */
  forget(id: string, waiter: Waiter): void {
    const waiters = this.#records.get(id)?.waiters;
    const index = waiters?.indexOf(waiter) ?? -1;
    if (index >= 0) waiters?.splice(index, 1);
  }

  drain(resolve: () => void): void {
    this.#drained.push(resolve);
    this.#tellIfDrained();
  }

  close(mode: "drain" | "cancel" | "release", deadlineMs: number, done: (report: CloseReport) => void): void {
    const runs = mode === "release" ? this.#live().flatMap(({ run }) => run ?? []) : [];
    this.#closing = new Closing(mode, runs, done);
    this.changeMode({ type: mode === "release" ? "supervisor.close" : "supervisor.drain" });
    if (mode === "cancel") this.#cancelAll("the coordinator is closing");
    for (const run of runs) this.#outbox.addTask(() => run.release(releasedError(run.executionId)));
    this.#timers.set({ drain: () => this.#cutOff(), cancel: () => this.#abandonAll(), release: () => this.#closeDown() }[mode], deadlineMs);
    this.#closeWhenDone();
  }

  /** The supervisor's actor stops, and with it its children. */
  stop(): void {
    for (const { actor, run, stopListening } of this.#live()) {
      stopListening?.();
      run?.stop(new CoordinatorClosedError("the coordinator was stopped"));
      if (actor !== undefined) this.#scope.stopChild(actor);
    }
    this.#timers.clearAll();
    this.#archive.stop();
  }

  // Facts. One about a run that is not its execution's run any more changes nothing.

  timersDue(): void {
    this.#timers.runDue();
    this.#admit();
  }

  retentionDue(): void {
    for (const record of this.#archive.expired()) this.#remove(record);
  }

  childDone(id: string): void {
    const record = this.#records.get(id);
    if (record?.actor === undefined) return;
    this.#finish(record);
    this.#admit();
  }

  retryDue(id: string): void {
    const record = this.#records.get(id);
    if (record?.actor === undefined) return;
    const { error, retryDelayMs = 0 } = record.actor.getSnapshot().context;
    this.#emit(record, { type: "execution.retrying", error: toSerializedError(error), delayMs: retryDelayMs });
    this.#admission.free(record);
    record.run = undefined;
    this.#index.move(record, "queued");
    this.#delay(record, retryDelayMs);
    this.#admit();
  }

  attemptProgressed(run: AttemptRun, progress: unknown): void {
    const { record } = run;
    if (record.run !== run || (phaseOf(record) !== "working" && phaseOf(record) !== "waiting")) return;
    record.actor?.send({ type: "attempt.progressed", progress });
    this.#emit(record, { type: "execution.progressed", progress });
  }

  attemptWaiting(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "working") return;
    record.timeLeftMs = record.timer && this.#timers.remainingMs(record.timer);
    this.#setTimer(record, undefined);
    record.actor?.send({ type: "attempt.waiting" });
    this.#waiting += 1;
    this.#admission.free(record);
    this.#emit(record, { type: "execution.waiting" });
    this.#admit();
  }

  attemptWantsSlot(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "waiting") return;
    record.returning = true;
    this.#admission.push(record);
    this.#admit();
  }

  attemptMovedOn(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "waiting") return;
    this.#admission.take(record);
    this.#continue(record);
  }

  attemptReleased(run: AttemptRun): void {
    this.#closing?.settled(run);
    this.#closeWhenDone();
  }

  /** Tells what has happened. Never throws. */
  flush(): void {
    if (this.#statsChanged) {
      this.#statsChanged = false;
      this.#options.statsChanged(this.stats());
    }
    this.#outbox.flush(this.#scope.emit);
  }

  // The life of a record.

  #checkRoom(requests: readonly ExecutionRequest[]): void {
    const { maxConcurrent, maxQueued } = this.#admission;
    const queued = this.#index.count("queued");
    if (queued + requests.length <= maxQueued) return;
    const room = this.mode === "accepting" ? this.#admission.room(requests) : 0;
    if (queued + requests.length - room > maxQueued) throw new CapacityExceededError({ maxConcurrent, maxQueued, queued });
  }

  #register(request: ExecutionRequest, status: ExecutionStatus): ExecutionRecord {
    const { id, idempotencyKey, priority, group, groupLimit } = request;
    const record: ExecutionRecord = {
      request,
      sequence: this.#sequence++,
      priority,
      group,
      groupLimit,
      order: 0,
      heapIndex: -1,
      returning: false,
      holdsSlot: false,
      status,
      actor: undefined,
      run: undefined,
      timer: undefined,
      timeLeftMs: undefined,
      waiters: undefined,
      stopListening: undefined,
      final: undefined,
    };
    this.#records.set(id, record);
    if (idempotencyKey !== undefined) this.#byKey.set(idempotencyKey, record);
    this.#index.add(record);
    return record;
  }

  #create(request: ExecutionRequest): void {
    const { id, queuedAt, attempt, startedAt, delayMs, signal } = request;
    const record = this.#register(request, "queued");
    const input = startedAt === undefined ? { queuedAt, attempt } : { queuedAt, attempt, startedAt };
    record.actor = createActor(this.#executionLogic, { parent: this.#scope.self, id, input }).start();
    if (signal !== undefined) record.stopListening = this.#cancelOnAbort(id, signal);
    this.#emit(record, { type: "execution.queued" });
    if (delayMs === 0) this.#admission.push(record);
    else {
      record.actor.send({ type: "execution.delay" });
      this.#delay(record, delayMs);
    }
  }

  #delay(record: ExecutionRecord, delayMs: number): void {
    this.#setTimer(record, delayMs, () => {
      record.actor?.send({ type: "execution.due" });
      this.#admission.push(record);
    });
  }

  #admit(): void {
    const servesQueued = this.mode === "accepting" || this.mode === "draining";
    if (this.mode === "closed") return;
    for (let record = this.#admission.next(servesQueued); record !== undefined; record = this.#admission.next(servesQueued)) {
      if (record.returning) this.#continue(record);
      else this.#run(record);
    }
    const waitMs = servesQueued ? this.#admission.rateWaitMs() : 0;
    if (waitMs === 0 || this.#rateTimerSet) return;
    this.#rateTimerSet = true;
    this.#timers.set(() => {
      this.#rateTimerSet = false;
    }, waitMs);
  }

  #run(record: ExecutionRecord): void {
    const { actor, request } = record;
    const attempt = (actor?.getSnapshot().context.attempt ?? 0) + 1;
    record.run = new AttemptRun(record, attempt, this.#environment);
    actor?.send({ type: "execution.run", at: this.#options.clock.now() });
    this.#index.move(record, "running");
    this.#limitTime(record, request.timeoutMs);
    this.#emit(record, { type: "execution.started" });
  }

  /** It holds a slot again after waiting. */
  #continue(record: ExecutionRecord): void {
    const { run, actor, timeLeftMs } = record;
    record.returning = false;
    this.#waiting -= 1;
    actor?.send({ type: "attempt.continued" });
    this.#limitTime(record, timeLeftMs);
    this.#emit(record, { type: "execution.continued" });
    this.#outbox.addTask(() => run?.running?.continueWaiting());
  }

  #limitTime(record: ExecutionRecord, timeLeftMs: number | undefined): void {
    if (timeLeftMs !== undefined) this.#setTimer(record, timeLeftMs, () => this.#timeOut(record));
  }

  #timeOut(record: ExecutionRecord): void {
    const { run, request, actor } = record;
    const error = new ExecutionTimeoutError(request.id, request.timeoutMs ?? 0);
    actor?.send({ type: "execution.timeOut", error, retryDelayMs: run?.retryDelayMs(error) });
    this.#emit(record, { type: "execution.timingOut" });
    this.#setTimer(record, this.#options.cancelGraceMs, () => this.#abandon(record));
  }

  #cancel(record: ExecutionRecord, reason: string | undefined): void {
    const { actor } = record;
    const phase = phaseOf(record);
    if (phase === "cancelling") return;
    if (phase === "waiting") this.#waiting -= 1;
    this.#admission.remove(record);
    record.returning = false;
    actor?.send({ type: "execution.cancel", at: this.#options.clock.now(), reason });
    if (actor?.getSnapshot().status !== "active") {
      this.#finish(record);
      return;
    }
    this.#emit(record, { type: "execution.cancelling", ...(reason !== undefined && { reason }) });
    this.#setTimer(record, this.#options.cancelGraceMs, () => this.#abandon(record));
  }

  #abandon(record: ExecutionRecord): void {
    record.actor?.send({ type: "execution.abandon", at: this.#options.clock.now() });
    this.#abandoned += 1;
    this.#finish(record);
  }

  #finish(record: ExecutionRecord): void {
    const { actor, waiters, stopListening } = record;
    if (actor === undefined) return;
    const info = toExecutionInfo(record, this.#options.clock.now());
    if (phaseOf(record) === "waiting") this.#waiting -= 1;
    this.#admission.remove(record);
    this.#admission.free(record);
    this.#setTimer(record, undefined);
    record.final = { info, error: actor.getSnapshot().context.error };
    record.actor = undefined;
    record.run = undefined;
    record.returning = false;
    record.waiters = undefined;
    record.stopListening = undefined;
    stopListening?.();
    this.#index.move(record, info.status);
    this.#emit(record, endingOf(info));
    for (const waiter of waiters ?? []) settle(waiter, record);
    this.#archive.add(record);
    for (const surplus of this.#archive.surplus()) this.#remove(surplus);
    this.#closing?.ended(info);
    this.#tellIfDrained();
    this.#closeWhenDone();
  }

  #remove(record: ExecutionRecord): void {
    const { id, idempotencyKey } = record.request;
    this.#records.delete(id);
    if (idempotencyKey !== undefined) this.#byKey.delete(idempotencyKey);
    this.#index.delete(record);
    this.#emit(record, { type: "execution.removed" });
  }

  // The end of the fleet.

  #live(): ExecutionRecord[] {
    return [...this.#index.values()].filter(({ actor }) => actor !== undefined);
  }

  get #liveCount(): number {
    return this.#index.count("queued") + this.#index.count("running");
  }

  #tellIfDrained(): void {
    if (this.#liveCount > 0) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #cancelAll(reason: string): void {
    for (const record of this.#live()) this.#cancel(record, reason);
  }

  /** The deadline of a drain: what is left is cancelled, and has this turn of the event loop to settle. */
  #cutOff(): void {
    this.#cancelAll("not done when the coordinator had to close");
    this.#timers.set(() => this.#abandonAll(), 0);
  }

  #abandonAll(): void {
    for (const record of this.#live()) this.#abandon(record);
  }

  #closeWhenDone(): void {
    if (this.#closing === undefined || this.#closing.unsettled > 0) return;
    if (this.#closing.mode === "release" || this.#liveCount === 0) this.#closeDown();
  }

  #closeDown(): void {
    const closing = this.#closing;
    this.#closing = undefined;
    if (this.mode !== "closed") this.changeMode({ type: "supervisor.close" });
    this.#timers.clearAll();
    for (const { request, waiters } of this.#live()) {
      for (const waiter of waiters ?? []) waiter.reject(releasedError(request.id));
    }
    this.#outbox.addTask(() => closing?.finish(this.#liveCount));
  }

  #cancelOnAbort(id: string, signal: AbortSignal): () => void {
    const cancel = () => this.#scope.self.send({ type: "execution.cancel", id, reason: "its start signal was aborted", resolve: () => {} });
    signal.addEventListener("abort", cancel, { once: true });
    return () => signal.removeEventListener("abort", cancel);
  }

  #setTimer(record: ExecutionRecord, delayMs: undefined): void;
  #setTimer(record: ExecutionRecord, delayMs: number, run: () => void): void;
  #setTimer(record: ExecutionRecord, delayMs: number | undefined, run?: () => void): void {
    if (record.timer !== undefined) this.#timers.clear(record.timer);
    record.timer = undefined;
    if (delayMs === undefined) return;
    record.timer = this.#timers.set(() => {
      record.timer = undefined;
      run?.();
    }, delayMs);
  }

  #emit(record: ExecutionRecord, details: EventDetails): void {
    this.#statsChanged = true;
    this.#outbox.addEvent(record, details);
  }
}

function phaseOf({ actor }: ExecutionRecord): "working" | "waiting" | "cancelling" | "timingOut" | undefined {
  const value = actor?.getSnapshot().value;
  return typeof value === "object" && "running" in value ? value.running : undefined;
}

function endingOf({ status, durationMs, result, error, reason, abandoned }: ExecutionInfo): EventDetails {
  const mark = abandoned ? { abandoned } : {};
  if (status === "completed") return { type: "execution.completed", result, durationMs };
  if (status === "failed") return { type: "execution.failed", error: error ?? toSerializedError(undefined), durationMs, ...mark };
  return { type: "execution.cancelled", durationMs, ...(reason !== undefined && { reason }), ...mark };
}

function settle(waiter: Waiter, { final, request }: ExecutionRecord): void {
  if (final === undefined) return;
  const { info, error } = final;
  if (info.status === "completed") waiter.resolve(info.result);
  else if (info.status === "cancelled") waiter.reject(new ExecutionCancelledError(request.id, info.reason));
  else if (error instanceof ExecutionTimeoutError) waiter.reject(error);
  else waiter.reject(new ExecutionFailedError(request.id, info.error ?? toSerializedError(error), error));
}

function releasedError(id: string): CoordinatorClosedError {
  return new CoordinatorClosedError(`execution ${JSON.stringify(id)} has no end here: the coordinator was closed and gave it back`);
}
