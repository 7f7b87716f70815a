import { initialTransition, transition } from "xstate";
import { type SupervisorMode, type SupervisorModeEvent, supervisorMachine } from "../../machines/supervisor-machine.ts";
import { CapacityExceededError, CoordinatorClosedError, ExecutionNotFoundError } from "../model/errors.ts";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery } from "../model/execution.ts";
import type { RunEvent } from "../model/run-event.ts";
import { Admission } from "./admission.ts";
import { Archive } from "./archive.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { Closing } from "./closing.ts";
import type { CoordinatorStats } from "./coordinator-stats.ts";
import { releasedError, settle } from "./execution-ending.ts";
import { ExecutionIndex } from "./execution-index.ts";
import { type ExecutionRecord, type ExecutionRequest, phaseOf, toExecutionInfo, type Waiter } from "./execution-record.ts";
import type { FleetOptions } from "./fleet-options.ts";
import type { AdoptedExecution } from "./fleet-snapshot.ts";
import { Lifecycle, type SupervisorScope } from "./lifecycle.ts";
import { type EventDetails, Outbox } from "./outbox.ts";
import { sortStarts } from "./start-order.ts";
import { StatsTeller } from "./stats-teller.ts";
import { type Timer, TimerQueue } from "./timer-queue.ts";

/**
 * All executions of a supervisor: the state of its actor. It is changed in place, since a copy per event would cost O(n); only the
 * supervisor's transition changes it. What others are told waits in the outbox until the transition is over.
 */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #scope: SupervisorScope;
  readonly #index = new ExecutionIndex();
  readonly #admission: Admission;
  readonly #timers: TimerQueue;
  readonly #archive: Archive;
  readonly #outbox: Outbox;
  readonly #lifecycle: Lifecycle;
  readonly #stats: StatsTeller;
  #mode = initialTransition(supervisorMachine)[0];
  #closing: Closing | undefined;
  #drained: Waiter[] = [];
  #rateTimer: Timer | undefined;

  constructor(options: FleetOptions, scope: SupervisorScope) {
    const { clock, reportError } = options;
    const { self } = scope;
    this.#options = options;
    this.#scope = scope;
    this.#admission = new Admission(options, () => clock.monotonicNow());
    this.#timers = new TimerQueue(clock, () => self.send({ type: "timers.due" }));
    this.#archive = new Archive(clock, options.retention, () => self.send({ type: "retention.due" }));
    this.#outbox = new Outbox(clock, reportError);
    this.#stats = new StatsTeller(options);
    this.#lifecycle = new Lifecycle(options, {
      scope,
      index: this.#index,
      admission: this.#admission,
      timers: this.#timers,
      outbox: this.#outbox,
      settled: (run) => this.#closing?.settled(run),
      ended: (record, info) => this.#ended(record, info),
    });
  }

  // Questions, at any time.

  get mode(): SupervisorMode {
    return this.#mode.value;
  }

  record(id: string): ExecutionRecord | undefined {
    return this.#index.get(id);
  }

  /** In the order of start. */
  records(): Iterable<ExecutionRecord> {
    return this.#index.values();
  }

  info(id: string): ExecutionInfo | undefined {
    const record = this.#index.get(id);
    return record && toExecutionInfo(record, this.#options.clock.now());
  }

  page(query: ExecutionQuery): ExecutionPage {
    const { records, nextCursor } = this.#index.page(query);
    const now = this.#options.clock.now();
    const items = records.map((record) => toExecutionInfo(record, now));
    return nextCursor === undefined ? { items } : { items, nextCursor };
  }

  counts(): ExecutionCounts {
    return this.#index.counts();
  }

  stats(): CoordinatorStats {
    const { queued, running, completed, failed, cancelled } = this.#index.counts();
    const { maxConcurrent, taken } = this.#admission;
    const { waiting, abandoned } = this.#lifecycle;
    return { mode: this.mode, maxConcurrent, slotsTaken: taken, waiting, abandoned, queued, running, completed, failed, cancelled };
  }

  /** Slots that neither what runs nor what is queued will take; below 0 when more is queued. */
  get freeSlots(): number {
    const { maxConcurrent, taken } = this.#admission;
    return maxConcurrent - taken - this.#index.count("queued");
  }

  /** When its timer is due, as an instant. */
  dueAt({ timer }: ExecutionRecord): number | undefined {
    return timer && this.#options.clock.now() + this.#timers.remainingMs(timer);
  }

  // Commands.

  /** Begins to admit. */
  begin(): void {
    this.#admit();
  }

  /** All of them or none. Gives their ids; with an idempotency key that is known, the id of then. */
  start(requests: readonly ExecutionRequest[]): string[] {
    if (this.mode !== "accepting" && this.mode !== "paused") throw new CoordinatorClosedError();
    const { ids, fresh } = sortStarts(requests, this.#index);
    this.#checkRoom(fresh);
    for (const request of fresh) this.#lifecycle.create(request);
    this.#admit();
    return ids;
  }

  /** Takes over from an earlier process, in the order of start: queues what it had not finished, and shows again what it had. */
  adopt(executions: readonly AdoptedExecution[]): void {
    const finished: { record: ExecutionRecord; completedAt: number }[] = [];
    for (const { request, saved, ended } of executions) {
      if (ended === undefined) {
        this.#lifecycle.create(request, saved);
        continue;
      }
      const { info, timedOut } = ended;
      finished.push({ record: this.#lifecycle.createFinished(request, Object.freeze(info), timedOut), completedAt: info.completedAt ?? 0 });
    }
    const now = this.#options.clock.now();
    for (const { record, completedAt } of finished.sort((a, b) => a.completedAt - b.completedAt)) {
      this.#keep(record, Math.max(0, now - completedAt));
    }
  }

  cancel(id: string, reason: string | undefined): boolean {
    const record = this.#index.get(id);
    if (record?.actor === undefined) return false;
    this.#lifecycle.cancel(record, reason);
    this.#admit();
    return true;
  }

  cleanup(olderThanMs: number): number {
    const old = this.#archive.olderThan(olderThanMs);
    for (const record of old) this.#lifecycle.remove(record);
    return old.length;
  }

  changeMode(event: SupervisorModeEvent): void {
    [this.#mode] = transition(supervisorMachine, this.#mode, event);
    this.#admit();
  }

  setMaxConcurrent(maxConcurrent: number): void {
    this.#admission.maxConcurrent = maxConcurrent;
    this.#admit();
  }

  waitFor(id: string, waiter: Waiter): void {
    const record = this.#index.get(id);
    if (record === undefined) waiter.reject(new ExecutionNotFoundError(id));
    else if (record.final !== undefined) settle(waiter, record);
    else if (this.mode === "closed") waiter.reject(releasedError(id));
    else {
      record.waiters ??= new Set();
      record.waiters.add(waiter);
    }
  }

  /** This waiter waits no more. */
  forget(id: string, waiter: Waiter): void {
    this.#index.get(id)?.waiters?.delete(waiter);
  }

  drain(waiter: Waiter): void {
    this.#drained.push(waiter);
    this.#tellIfDrained();
  }

  close(mode: "drain" | "cancel" | "release", deadlineMs: number, done: (report: CloseReport) => void): void {
    const runs = mode === "release" ? this.#live().flatMap(({ run }) => run ?? []) : [];
    this.#closing = new Closing(mode, runs, done);
    this.changeMode({ type: mode === "release" ? "supervisor.close" : "supervisor.drain" });
    if (mode === "cancel") this.#cancelAll("the coordinator is closing");
    for (const run of runs) this.#release(run);
    const atDeadline = { drain: () => this.#cutOff(), cancel: () => this.#abandonAll(), release: () => this.#closeDown() };
    this.#timers.set(atDeadline[mode], deadlineMs);
    this.#closeWhenDone();
  }

  /** The supervisor's actor stops, and with it its children. */
  stop(): void {
    for (const record of this.#live()) {
      const { actor, run, stopListening } = record;
      stopListening?.();
      run?.stop(new CoordinatorClosedError("the coordinator was stopped"));
      record.run = undefined;
      if (actor !== undefined) this.#scope.stopChild(actor);
    }
    this.#timers.clearAll();
    this.#archive.stop();
  }

  // Facts.

  timersDue(): void {
    this.#timers.runDue();
    this.#admit();
  }

  retentionDue(): void {
    for (const record of this.#archive.expired()) this.#lifecycle.remove(record);
  }

  childDone(id: string): void {
    const record = this.#index.get(id);
    if (record === undefined) return;
    this.#lifecycle.finish(record);
    this.#admit();
  }

  retryDue(id: string): void {
    const record = this.#index.get(id);
    if (record?.actor === undefined) return;
    this.#lifecycle.retry(record);
    this.#closeWhenDone();
    this.#admit();
  }

  attemptSettling(run: AttemptRun): void {
    if (run.record.run === run) this.#lifecycle.settling(run.record);
  }

  cancelSettled(run: AttemptRun, reason: string | undefined): void {
    if (run.record.run === run) this.#lifecycle.cancelSettled(run.record, reason);
  }

  abandonSettled(record: ExecutionRecord): void {
    if (record.actor === undefined) return;
    this.#lifecycle.abandonSettled(record);
    this.#admit();
  }

  leave(request: ExecutionRequest, details: EventDetails | undefined, unwinds: boolean): void {
    const record = this.#index.get(request.id);
    if (record?.request !== request) return;
    this.#lifecycle.leave(record, details, unwinds);
    this.#tellIfDrained();
    this.#closeWhenDone();
    this.#admit();
  }

  attemptProgressed(run: AttemptRun, progress: unknown): void {
    this.#lifecycle.progressed(run, progress);
  }

  attemptTold(run: AttemptRun, event: RunEvent): void {
    if (run.record.run === run) this.#lifecycle.told(run, event);
  }

  attemptMayContinue(run: AttemptRun): void {
    this.#lifecycle.mayContinue(run);
  }

  attemptWaiting(run: AttemptRun): void {
    this.#lifecycle.waits(run);
    this.#admit();
  }

  attemptWantsSlot(run: AttemptRun): void {
    this.#lifecycle.wantsSlot(run);
    this.#admit();
  }

  attemptMovedOn(run: AttemptRun): void {
    this.#lifecycle.movedOn(run);
  }

  attemptReleased(run: AttemptRun): void {
    this.#closing?.settled(run);
    this.#closeWhenDone();
  }

  attemptUnwound({ record }: AttemptRun): void {
    this.#lifecycle.unwound(record);
    this.#admit();
  }

  /** Tells what has happened. Never throws. */
  flush(): void {
    this.#stats.tell(this.stats());
    this.#outbox.flush(this.#scope.emit);
  }

  #checkRoom(requests: readonly ExecutionRequest[]): void {
    const { maxConcurrent, maxQueued } = this.#admission;
    if (this.#index.count("queued") + requests.length <= maxQueued) return;
    this.#admit();
    const queued = this.#index.count("queued");
    const room = this.mode === "accepting" ? this.#admission.room(requests) : 0;
    if (queued + requests.length - room > maxQueued) throw new CapacityExceededError({ maxConcurrent, maxQueued, queued });
  }

  #admit(): void {
    if (this.mode === "closed") return;
    const servesQueued = this.mode !== "paused";
    for (let record = this.#admission.next(servesQueued); record !== undefined; record = this.#admission.next(servesQueued)) {
      this.#lifecycle.useSlot(record);
    }
    this.#comeBackIn(servesQueued ? this.#admission.rateWaitMs() : 0);
  }

  /** When the rate limit lets the next one begin; 0 when nobody waits for that. */
  #comeBackIn(waitMs: number): void {
    if (waitMs > 0) {
      this.#rateTimer ??= this.#timers.set(() => {
        this.#rateTimer = undefined;
      }, waitMs);
    } else if (this.#rateTimer !== undefined) {
      this.#timers.clear(this.#rateTimer);
      this.#rateTimer = undefined;
    }
  }

  #ended(record: ExecutionRecord, info: ExecutionInfo): void {
    this.#keep(record);
    this.#closing?.ended(info);
    this.#tellIfDrained();
    this.#closeWhenDone();
  }

  /** As long as retention lets it. */
  #keep(record: ExecutionRecord, ageMs = 0): void {
    if (this.#options.retention.maxCount === 0) {
      this.#lifecycle.remove(record);
      return;
    }
    this.#archive.add(record, ageMs);
    for (const surplus of this.#archive.surplus()) this.#lifecycle.remove(surplus);
  }

  #live(): ExecutionRecord[] {
    return [...this.#index.values()].filter(({ actor }) => actor !== undefined);
  }

  get #liveCount(): number {
    return this.#index.count("queued") + this.#index.count("running");
  }

  #tellIfDrained(): void {
    if (this.#liveCount > 0) return;
    for (const { resolve } of this.#drained.splice(0)) resolve(undefined);
  }

  #cancelAll(reason: string): void {
    for (const record of this.#live()) this.#lifecycle.cancel(record, reason);
  }

  /** One that was asked to stop already is not given back: it comes to that end. */
  #release(run: AttemptRun): void {
    const phase = phaseOf(run.record);
    if (phase === "cancelling" || phase === "timingOut") return;
    this.#outbox.addTask(() => run.release(releasedError(run.executionId)));
  }

  /** The deadline of a drain: what is left is cancelled, and has this turn of the event loop to settle. */
  #cutOff(): void {
    this.#cancelAll("not done when the coordinator had to close");
    this.#timers.set(() => this.#abandonAll(), 0);
  }

  #abandonAll(): void {
    for (const record of this.#live()) this.#lifecycle.abandon(record);
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
    this.#tellIfDrained();
    for (const { reject } of this.#drained.splice(0))
      reject(new CoordinatorClosedError("the coordinator was closed before its work was done"));
    this.#outbox.addTask(() => closing?.finish(this.#liveCount));
  }
}
