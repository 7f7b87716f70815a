import { type ActorScope, type ActorSystem, type ActorSystemInfo, createActor } from "xstate";
import { ExecutionCancelledError, ExecutionTimeoutError } from "../model/errors.ts";
import type { ExecutionInfo, ExecutionStatus } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import type { RunEvent } from "../model/run-event.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { Clock } from "../ports/clock.ts";
import type { Admission } from "./admission.ts";
import type { AttemptCustody } from "./attempt-custody.ts";
import { type AttemptEnvironment, AttemptRun } from "./attempt-run.ts";
import { endingOf, releasedError, settle } from "./execution-ending.ts";
import type { ExecutionIndex } from "./execution-index.ts";
import { createExecutionLogic } from "./execution-logic.ts";
import {
  type ExecutionRecord,
  type ExecutionRequest,
  newRecord,
  phaseOf,
  type RunningRecord,
  toExecutionInfo,
} from "./execution-record.ts";
import type { EventDetails, Outbox } from "./outbox.ts";
import type { BeginAttempt } from "./running-attempt.ts";
import type { SupervisorEvent, SupervisorSnapshot } from "./supervisor.ts";
import type { TimerQueue } from "./timer-queue.ts";

export type SupervisorScope = ActorScope<SupervisorSnapshot, SupervisorEvent, ActorSystem<ActorSystemInfo>, ExecutionEvent>;

export interface LifecycleOptions {
  readonly begin: BeginAttempt;
  readonly custody?: AttemptCustody | undefined;
  readonly cancelGraceMs: number;
  readonly retryIf: ((error: unknown, attempt: number) => boolean) | undefined;
  readonly clock: Clock;
  random(): number;
  reportError(error: unknown): void;
}

/** What the lifecycle works with; all of it belongs to the fleet. */
export interface LifecycleParts {
  readonly scope: SupervisorScope;
  readonly index: ExecutionIndex;
  readonly admission: Admission;
  readonly timers: TimerQueue;
  readonly outbox: Outbox;
  /** An attempt has come to its end, whatever follows. */
  settled(run: AttemptRun | undefined): void;
  /** The execution has. */
  ended(record: ExecutionRecord, info: ExecutionInfo): void;
}

/**
 * Takes single executions from their start to their end: makes their actors and tells them what happens, keeps slots, timers and the index
 * in step with their states. Who gets a slot, and what becomes of the whole, is the fleet's business.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #parts: LifecycleParts;
  readonly #executionLogic;
  readonly #environment: AttemptEnvironment;
  #sequence = 0;
  #waiting = 0;
  #abandoned = 0;

  constructor(options: LifecycleOptions, parts: LifecycleParts) {
    this.#options = options;
    this.#parts = parts;
    this.#environment = this.#createEnvironment();
    this.#executionLogic = createExecutionLogic({
      run: (id) => (parts.index.get(id) as RunningRecord).run.run(),
      abort: (id, why) => {
        const run = parts.index.get(id)?.run;
        const reason = "error" in why ? why.error : new ExecutionCancelledError(id, why.reason);
        parts.outbox.addTask(() => run?.stop(reason));
      },
      retryDue: (executionId) => parts.scope.self.send({ type: "execution.retryDue", executionId }),
    });
  }

  /** How many are `running.waiting`. */
  get waiting(): number {
    return this.#waiting;
  }

  /** How many ended without their orchestrator having settled. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** `saved` is what an earlier process had saved of it. */
  create(request: ExecutionRequest, saved?: unknown): void {
    const { admission, outbox, scope } = this.#parts;
    const { id, queuedAt, attempt, startedAt, delayMs, signal } = request;
    const record = this.#register(request, "queued");
    record.saved = saved;
    const input = startedAt === undefined ? { queuedAt, attempt } : { queuedAt, attempt, startedAt };
    record.actor = createActor(this.#executionLogic, { parent: scope.self, id, input });
    record.actor.start();
    if (signal !== undefined) record.stopListening = this.#cancelOnAbort(id, signal);
    outbox.addEvent(record, { type: "execution.queued" });
    if (delayMs === 0) admission.push(record);
    else {
      record.actor.send({ type: "execution.delay" });
      this.#delay(record, delayMs);
    }
  }

  /** A record of what ended in an earlier process. */
  createFinished(request: ExecutionRequest, info: ExecutionInfo, timedOut: boolean): ExecutionRecord {
    const record = this.#register(request, info.status);
    record.final = { info, error: undefined, timedOut };
    return record;
  }

  /** It was given a slot: its next attempt begins, or the one that waited goes on. */
  useSlot(record: ExecutionRecord): void {
    if (record.returning) this.#continue(record);
    else this.#run(record);
  }

  cancel(record: ExecutionRecord, reason: string | undefined): void {
    const { actor } = record;
    if (phaseOf(record) === "cancelling" || record.settling) return;
    this.#leaveQueue(record);
    actor?.send({ type: "execution.cancel", at: this.#options.clock.now(), reason });
    if (actor?.getSnapshot().status !== "active") {
      this.finish(record);
      return;
    }
    this.#parts.outbox.addEvent(record, { type: "execution.cancelling", ...(reason !== undefined && { reason }) });
    this.#setTimer(record, this.#options.cancelGraceMs, () => this.abandon(record));
  }

  /** Ends one that was asked to stop and has not settled. */
  abandon(record: ExecutionRecord): void {
    const phase = phaseOf(record);
    if (record.settling || (phase !== "cancelling" && phase !== "timingOut")) return;
    const { custody } = this.#options;
    if (custody === undefined) this.#abandon(record);
    else {
      this.settling(record);
      custody.abandon(record);
    }
  }

  /** Its end is being written elsewhere: until that is decided, nothing else can happen to it. */
  settling(record: ExecutionRecord): void {
    record.settling = true;
    this.#setTimer(record, undefined);
  }

  /** It was written elsewhere that it is abandoned. */
  abandonSettled(record: ExecutionRecord): void {
    this.#abandon(record);
  }

  /** It was written elsewhere that it is cancelled, whatever its orchestrator did. */
  cancelSettled(record: ExecutionRecord, reason: string | undefined): void {
    record.settling = false;
    this.cancel(record, reason);
    if (record.actor !== undefined) this.settling(record);
  }

  /**
   * It goes on elsewhere: here it has neither an end nor a record from now on. `unwinds`: its orchestrator was asked to stop, and keeps its
   * slot until it does, or its grace period is over.
   */
  leave(record: ExecutionRecord, details: EventDetails | undefined, unwinds: boolean): void {
    const { admission, index, outbox, scope } = this.#parts;
    const { actor, run, waiters, stopListening, request } = record;
    if (actor === undefined) return;
    if (details !== undefined) outbox.addEvent(record, details);
    this.#leaveQueue(record);
    if (unwinds) this.#setTimer(record, this.#options.cancelGraceMs, () => admission.free(record));
    else {
      admission.free(record);
      this.#setTimer(record, undefined);
    }
    record.actor = undefined;
    record.run = undefined;
    record.waiters = undefined;
    stopListening?.();
    scope.stopChild(actor);
    index.delete(record);
    for (const { reject } of waiters ?? []) reject(releasedError(request.id));
    this.#parts.settled(run);
  }

  /** The orchestrator of one that has left has settled. */
  unwound(record: ExecutionRecord): void {
    if (record.actor !== undefined) return;
    this.#setTimer(record, undefined);
    this.#parts.admission.free(record);
  }

  #abandon(record: ExecutionRecord): void {
    record.actor?.send({ type: "execution.abandon", at: this.#options.clock.now() });
    this.#abandoned += 1;
    this.finish(record);
  }

  /** Its actor has reached its end, or has crashed. */
  finish(record: ExecutionRecord): void {
    const { admission, index, outbox } = this.#parts;
    const { actor, run, waiters, stopListening } = record;
    if (actor === undefined) return;
    const info = toExecutionInfo(record, this.#options.clock.now());
    this.#leaveQueue(record);
    admission.free(record);
    this.#setTimer(record, undefined);
    const { error } = actor.getSnapshot().context;
    record.final = { info, error, timedOut: error !== undefined && error === record.timeout };
    record.actor = undefined;
    record.run = undefined;
    record.waiters = undefined;
    record.stopListening = undefined;
    record.saved = undefined;
    stopListening?.();
    index.move(record, info.status);
    outbox.addEvent(record, endingOf(info));
    for (const waiter of waiters ?? []) settle(waiter, record);
    this.#parts.settled(run);
    this.#parts.ended(record, info);
  }

  remove(record: ExecutionRecord): void {
    this.#parts.index.delete(record);
    this.#parts.outbox.addEvent(record, { type: "execution.removed" });
  }

  /** An attempt has failed and another one follows. */
  retry(record: ExecutionRecord): void {
    const { admission, index, outbox } = this.#parts;
    const { run, actor } = record;
    const { error, retryDelayMs = 0 } = actor?.getSnapshot().context ?? {};
    outbox.addEvent(record, { type: "execution.retrying", error: toSerializedError(error), delayMs: retryDelayMs });
    this.#leaveQueue(record);
    admission.free(record);
    record.run = undefined;
    if (record.request.onRetry === "restart") record.saved = undefined;
    index.move(record, "queued");
    this.#delay(record, retryDelayMs);
    this.#parts.settled(run);
  }

  // Reports of attempts. One of a run that is not its execution's run any more changes nothing.

  progressed(run: AttemptRun, progress: unknown): void {
    const { record } = run;
    if (record.run !== run || (phaseOf(record) !== "working" && phaseOf(record) !== "waiting")) return;
    record.actor?.send({ type: "attempt.progressed", progress });
    this.#parts.outbox.addEvent(record, { type: "execution.progressed", progress });
  }

  told({ record }: AttemptRun, event: RunEvent): void {
    this.#parts.outbox.addEvent(record, { type: "execution.reported", event });
  }

  mayContinue(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "working") return;
    this.#parts.outbox.addTask(() => run.running?.continueWaiting());
  }

  waits(run: AttemptRun): void {
    const { admission, outbox, timers } = this.#parts;
    const { record } = run;
    if (record.run !== run || record.settling || phaseOf(record) !== "working") return;
    record.timeLeftMs = record.timer && timers.remainingMs(record.timer);
    this.#setTimer(record, undefined);
    record.actor?.send({ type: "attempt.waiting" });
    record.waits = true;
    this.#waiting += 1;
    admission.free(record);
    outbox.addEvent(record, { type: "execution.waiting" });
  }

  wantsSlot(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "waiting") return;
    record.returning = true;
    this.#parts.admission.push(record);
  }

  movedOn(run: AttemptRun): void {
    const { record } = run;
    if (record.run !== run || phaseOf(record) !== "waiting") return;
    this.#parts.admission.take(record);
    this.#continue(record);
  }

  #register(request: ExecutionRequest, status: ExecutionStatus): ExecutionRecord {
    const record = newRecord(request, this.#sequence++, status);
    this.#parts.index.add(record);
    return record;
  }

  #run(record: ExecutionRecord): void {
    const { actor, request } = record;
    const attempt = (actor?.getSnapshot().context.attempt ?? 0) + 1;
    record.run = new AttemptRun(record, attempt, this.#environment);
    actor?.send({ type: "execution.run", at: this.#options.clock.now() });
    this.#parts.index.move(record, "running");
    this.#limitTime(record, (attempt === request.attempt + 1 ? request.timeLeftMs : undefined) ?? request.timeoutMs);
    this.#parts.outbox.addEvent(record, { type: "execution.started" });
  }

  #continue(record: ExecutionRecord): void {
    const { outbox } = this.#parts;
    const { run, actor, timeLeftMs } = record;
    this.#leaveQueue(record);
    actor?.send({ type: "attempt.continued" });
    this.#limitTime(record, timeLeftMs);
    outbox.addEvent(record, { type: "execution.continued" });
    // Through the mailbox, so that a cancel that a listener asks for goes first.
    if (run !== undefined) outbox.addTask(() => this.#parts.scope.self.send({ type: "attempt.mayContinue", run }));
  }

  /** It neither waits for a slot nor for a signal any more. */
  #leaveQueue(record: ExecutionRecord): void {
    this.#parts.admission.remove(record);
    record.returning = false;
    if (!record.waits) return;
    record.waits = false;
    this.#waiting -= 1;
  }

  #delay(record: ExecutionRecord, delayMs: number): void {
    this.#setTimer(record, delayMs, () => {
      record.actor?.send({ type: "execution.due" });
      this.#parts.admission.push(record);
    });
  }

  #limitTime(record: ExecutionRecord, timeLeftMs: number | undefined): void {
    if (timeLeftMs !== undefined) this.#setTimer(record, timeLeftMs, () => this.#timeOut(record));
  }

  #timeOut(record: ExecutionRecord): void {
    const { run, request, actor } = record;
    const error = new ExecutionTimeoutError(request.id, request.timeoutMs ?? 0);
    record.timeout = error;
    actor?.send({ type: "execution.timeOut", error, retryDelayMs: run?.retryDelayMs(error) });
    this.#parts.outbox.addEvent(record, { type: "execution.timingOut" });
    this.#setTimer(record, this.#options.cancelGraceMs, () => this.abandon(record));
  }

  #setTimer(record: ExecutionRecord, delayMs: undefined): void;
  #setTimer(record: ExecutionRecord, delayMs: number, run: () => void): void;
  #setTimer(record: ExecutionRecord, delayMs: number | undefined, run?: () => void): void {
    const { timers } = this.#parts;
    if (record.timer !== undefined) timers.clear(record.timer);
    record.timer = undefined;
    if (delayMs === undefined) return;
    record.timer = timers.set(() => {
      record.timer = undefined;
      run?.();
    }, delayMs);
  }

  #cancelOnAbort(id: string, signal: AbortSignal): () => void {
    const { self } = this.#parts.scope;
    const cancel = () => self.send({ type: "execution.cancel", id, reason: "its start signal was aborted", resolve: () => {} });
    signal.addEventListener("abort", cancel, { once: true });
    return () => signal.removeEventListener("abort", cancel);
  }

  #createEnvironment(): AttemptEnvironment {
    const { begin, custody, clock, retryIf, random, reportError } = this.#options;
    const { outbox, scope, timers } = this.#parts;
    const report = (event: Extract<SupervisorEvent, { run: AttemptRun }>) => {
      if (event.run.record.run === event.run) scope.self.send(event);
    };
    return {
      begin,
      custody,
      reports: {
        progressed: (run, progress) => report({ type: "attempt.progressed", run, progress }),
        waiting: (run) => report({ type: "attempt.waiting", run }),
        wantsSlot: (run) => report({ type: "attempt.wantsSlot", run }),
        movedOn: (run) => report({ type: "attempt.movedOn", run }),
        told: (run, event) => report({ type: "attempt.told", run, event }),
        released: (run) => report({ type: "attempt.released", run }),
        // Only noted: it is told together with what the orchestrator does about it.
        signalled: ({ record }, signal) => outbox.addEvent(record, { type: "execution.signalled", signal }),
      },
      retryIf,
      now: () => clock.now(),
      remainingMs: (record) => {
        const { timer, timeLeftMs, request } = record;
        if (request.timeoutMs === undefined) return Number.POSITIVE_INFINITY;
        if (record.waits) return timeLeftMs ?? 0;
        return phaseOf(record) === "working" && timer !== undefined ? timers.remainingMs(timer) : 0;
      },
      random,
      reportError,
    };
  }
}
