import type { AnyStateMachine, EventObject, Subscription } from "xstate";
import { CoordinatorClosedError, InvalidOptionsError, WaitTimeoutError } from "../model/errors.ts";
import type { CloseReport, ExecutionCounts, ExecutionInfo, ExecutionPage, ExecutionQuery, SendResult } from "../model/execution.ts";
import { type EventsOverflowed, type ExecutionEvent, type ExecutionEventType, executionEventTypes } from "../model/execution-event.ts";
import * as check from "../model/option-check.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { StoredExecution, StoredExecutionSummary } from "../model/stored-execution.ts";
import type { StoreNotice } from "../ports/store-message.ts";
import type { CloseOptions, EventOfType } from "./coordinator.ts";
import type { StatsStore } from "./coordinator-stats.ts";
import { refusalOf } from "./durable-acceptance.ts";
import type { DurableCoordinator, DurableSendOptions, DurableStartEntry } from "./durable-coordinator.ts";
import { DurableEvents } from "./durable-events.ts";
import { createHints, type DurableHints } from "./durable-hints.ts";
import { createHistory, type DurableHistory, readHistory } from "./durable-history.ts";
import { toDurableInfo, toEndEvent } from "./durable-info.ts";
import type { DurableCoordinatorOptions, DurableStartOptions } from "./durable-options.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import { Patience } from "./durable-patience.ts";
import { machineIdOf } from "./durable-start.ts";
import { DurableStarts } from "./durable-starts.ts";
import { DurableStats } from "./durable-stats.ts";
import { withDeadline } from "./durable-store-deadline.ts";
import { refusing, toldByTransaction } from "./durable-transaction.ts";
import { DurableWaiters } from "./durable-waiters.ts";
import { DurableWatch } from "./durable-watch.ts";
import { WriteBatch } from "./durable-write-batch.ts";
import { DurableWrites } from "./durable-writes.ts";
import { releasedError } from "./execution-ending.ts";
import { defaultPageSize, queryCheck } from "./execution-index.ts";
import type { Waiter } from "./execution-record.ts";
import type { Fleet } from "./fleet.ts";
import { type FleetOptions, toFleetOptions } from "./fleet-options.ts";
import { machineOf, savedState } from "./machine-of-orchestrator.ts";
import type { AnyOrchestrator, InputOf, OutputOf } from "./orchestrator.ts";
import { createIdGenerator } from "./sortable-id.ts";
import { createSupervisor, type SupervisorRef } from "./supervisor.ts";
import { Worker } from "./worker.ts";
import type { WorkerStint } from "./worker-stint.ts";

/** The durable coordinator: asks and writes the store, and has a worker unless it is a client only. */
export class StoreBackedCoordinator<O extends AnyOrchestrator> implements DurableCoordinator<InputOf<O>, OutputOf<O>> {
  readonly supervisor: SupervisorRef;
  readonly orchestratorMachine: AnyStateMachine | undefined;
  readonly stats: StatsStore;
  readonly #options: DurableCoordinatorOptions<AnyOrchestrator>;
  readonly #fleetOptions: FleetOptions;
  readonly #fleet: Fleet;
  readonly #stopSupervisor: () => void;
  readonly #patience: Patience;
  readonly #writes: DurableWrites;
  readonly #hints: DurableHints | undefined;
  readonly #history: DurableHistory | undefined;
  /** Records that are asked for in one tick are read together. */
  readonly #reads: WriteBatch<string, StoredExecution | undefined>;
  readonly #watch: DurableWatch;
  readonly #waiters: DurableWaiters;
  readonly #events: DurableEvents<OutputOf<O>>;
  readonly #worker: Worker | undefined;
  readonly #starts: DurableStarts;
  #closed: Promise<CloseReport> | undefined;

  constructor(given: DurableCoordinatorOptions<O>, stint?: WorkerStint) {
    const asked = given as unknown as DurableCoordinatorOptions<AnyOrchestrator>;
    const { name, role = "both", pollMs = 500, leaseMs = 30_000 } = asked;
    const told = toFleetOptions(asked, (changed) => {
      stats.fleetChanged(changed);
      worker?.statsChanged();
    });
    const common = { ...told, reportError: (error: unknown) => this.#report(error, told.reportError) };
    const { clock, random, reportError, maxConcurrent, maxQueued } = common;
    const generateId = asked.generateId ?? createIdGenerator(clock);
    const store = withDeadline(asked.store, clock, leaseMs / 3);
    const options = { ...asked, store };
    const machineId = machineIdOf(options.orchestrator);
    this.#options = options;
    this.orchestratorMachine = machineOf(options.orchestrator);
    this.#patience = new Patience(clock, random);
    this.#events = new DurableEvents(reportError);
    this.#writes = new DurableWrites({
      store,
      name,
      clock,
      patience: this.#patience,
      maxConcurrent,
      maxQueued,
      generateId,
      freeSlots: () => worker?.freeSlots ?? 0,
    });
    const owner = options.workerId ?? generateId();
    const parts = { options, clock, patience: this.#patience, reportError };
    const hints = createHints(parts);
    const history = createHistory(parts, owner, (id) => this.#worker?.leaseOf(id));
    this.#hints = hints;
    this.#starts = new DurableStarts({
      ...{ defaults: { options, machineId, generateId, reportError }, writes: this.#writes, hints },
      starting: (id) => this.#events.starting(id),
      started: (id, queuedAt) => this.#events.started(id, queuedAt),
      cancelOnAbort: (id, signal, isStored) => this.#cancelOnAbort(id, signal, isStored),
    });
    this.#history = history;
    const worker =
      role === "client"
        ? undefined
        : new Worker({
            options,
            fleetOptions: common,
            patience: this.#patience,
            hints,
            stint,
            owner,
            machineId,
            generateId,
            ended: (end) => this.#waiters.ended(end),
            modeChanged: (mode) => stats.modeChanged(mode),
            endedUnheld: async (ids) => history?.endedUnheld(ids),
            unclaimableChanged: (unclaimable) => stats.unclaimableChanged(unclaimable),
          });
    // The store limits groups and rates, keeps the queue, and remembers what has ended.
    this.#fleetOptions = {
      ...common,
      ...(worker !== undefined && { begin: worker.begin, custody: worker.settler }),
      maxQueued: Number.POSITIVE_INFINITY,
      rateLimit: undefined,
      retention: { maxAgeMs: Number.POSITIVE_INFINITY, maxCount: 0 },
    };
    const supervisor = createSupervisor(this.#fleetOptions);
    this.#fleet = supervisor.getSnapshot().context.fleet;
    const stats = new DurableStats(this.#fleet.stats());
    this.stats = stats.store;
    this.supervisor = supervisor;
    this.#stopSupervisor = () => supervisor.stop();
    supervisor.on("*", (event) => {
      const told = event as ExecutionEvent;
      // When it is queued is known to who started it, and nothing is removed but by the store.
      if (told.type === "execution.queued" || told.type === "execution.removed") return;
      stats.happened(told);
      history?.happened(told);
      this.#events.publish(told);
    });
    const control = role !== "client";
    const work = control && options.queue === undefined;
    this.#watch = new DurableWatch(store, { name, work, control }, clock, this.#patience, (notice) => this.#notice(notice));
    this.#reads = new WriteBatch({
      patience: this.#patience,
      maxSize: 200,
      write: (ids) => store.get(name, ids),
      goesOn: () => false,
    });
    this.#waiters = new DurableWaiters(clock, pollMs, {
      get: (ids) => this.#read(ids),
      follow: (ids) => this.#watch.follow(ids),
      unfollow: (ids) => this.#watch.unfollow(ids),
      reportError,
    });
    this.#worker = worker;
    worker?.attach(this.#fleet, (event) => {
      // Answers of the store that come after the close are about nothing here.
      if (supervisor.getSnapshot().status === "active") supervisor.send(event);
    });
    supervisor.start();
    if (worker === undefined) return;
    worker.start();
    void this.#watch.open().catch(reportError);
  }

  start(input: InputOf<O>, options: DurableStartOptions = {}): Promise<string> {
    const transaction = (options as DurableStartOptions | null)?.transaction;
    return this.#within(transaction, () => this.#starts.start(input, options));
  }

  startMany(entries: readonly DurableStartEntry<InputOf<O>>[], { transaction }: { transaction?: unknown } = {}): Promise<string[]> {
    return this.#within(transaction, () => this.#starts.startMany(entries, transaction));
  }

  async getStatus(id: string): Promise<ExecutionInfo<OutputOf<O>> | undefined> {
    check.text(id, "id");
    const [record] = await this.#read([id]);
    return record && this.#toInfo(record);
  }

  async getOrchestratorState(id: string): Promise<OrchestratorState | undefined> {
    check.text(id, "id");
    const here = this.#fleet.record(id)?.run?.state;
    if (here !== undefined) return here;
    const { store, name, orchestrator, machineVersion } = this.#options;
    const [record] = await this.#patience.call(() => store.get(name, [id]));
    return record && savedState(record, orchestrator, machineVersion);
  }

  async list(query: ExecutionQuery = {}): Promise<ExecutionPage<OutputOf<O>>> {
    queryCheck(query, "query");
    const { store, name } = this.#options;
    const { limit = defaultPageSize, ...filter } = query;
    const { items, nextCursor } = await this.#patience.call(() => store.list({ name, limit, ...filter }));
    const infos = items.map((record) => this.#toInfo(record));
    return nextCursor === undefined ? { items: infos } : { items: infos, nextCursor };
  }

  async counts(): Promise<ExecutionCounts> {
    const { store, name } = this.#options;
    const { unclaimable: _, parked: __, ...counts } = await this.#patience.call(() => store.counts({ name }));
    return counts;
  }

  async waitFor(id: string, options: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<OutputOf<O>> {
    check.text(id, "id");
    check.fields({ signal: check.abortSignal, timeoutMs: check.milliseconds })(options, "options");
    const { signal, timeoutMs } = options;
    signal?.throwIfAborted();
    this.#checkOpen();
    const { clock } = this.#fleetOptions;
    let stopWaiting = () => {};
    const end = new Promise<unknown>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject };
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const timer = timeoutMs === undefined ? undefined : clock.setTimeout(() => reject(new WaitTimeoutError(id, timeoutMs)), timeoutMs);
      stopWaiting = () => {
        signal?.removeEventListener("abort", abort);
        if (timeoutMs !== undefined) clock.clearTimeout(timer);
        this.#waiters.forget(id, waiter);
      };
      void this.#waiters.add(id, waiter);
    });
    try {
      return (await end) as OutputOf<O>;
    } finally {
      stopWaiting();
    }
  }

  async send<Event extends EventObject>(id: string, event: Event, options: DurableSendOptions = {}): Promise<SendResult> {
    check.text(id, "id");
    if (typeof (event as { type?: unknown } | null)?.type !== "string") {
      throw new InvalidOptionsError({ field: "event", expected: "an object with a type", received: event });
    }
    check.fields({ ifAccepted: check.flag })(options, "options");
    this.#checkOpen();
    const refusal = options.ifAccepted === true ? await this.#refusal(id, event) : undefined;
    if (refusal !== undefined) return refusal;
    const result = await this.#writes.send(id, event);
    // It may have been parked.
    if (result.accepted && this.#worker?.leaseOf(id) === undefined) await this.#hints?.publish([{ executionId: id }]);
    return result;
  }

  async cancel(id: string, reason?: string): Promise<boolean> {
    check.text(id, "id");
    if (reason !== undefined) check.text(reason, "reason");
    this.#checkOpen();
    const cancel = this.#events.cancelling(id);
    try {
      const report = await this.#writes.cancel(id, reason);
      if (report.accepted && report.status === "cancelled") await this.#tellCancelled(id, cancel);
      return report.accepted;
    } finally {
      this.#events.cancelAnswered(id);
    }
  }

  async cleanup(options: { olderThanMs?: number } = {}): Promise<number> {
    check.fields({ olderThanMs: check.milliseconds })(options, "options");
    const { olderThanMs = 3_600_000 } = options;
    const { store, name } = this.#options;
    const limit = 1_000;
    for (let removed = 0; ; ) {
      const some = await this.#patience.call(() => store.remove({ name, olderThanMs, limit }));
      removed += some;
      if (some < limit) return removed;
    }
  }

  pause(): void {
    this.#worker?.pause();
  }

  resume(): void {
    this.#worker?.resume();
  }

  setMaxConcurrent(maxConcurrent: number): void {
    check.wholeNumber(1)(maxConcurrent, "maxConcurrent");
    if (this.#closed === undefined) this.supervisor.send({ type: "fleet.setMaxConcurrent", maxConcurrent });
  }

  on<Type extends ExecutionEventType | "*">(type: Type, listener: (event: EventOfType<Type, OutputOf<O>>) => void): Subscription {
    check.oneOf("*", ...Object.keys(executionEventTypes))(type, "type");
    check.callable(listener, "listener");
    return this.#events.on(type, listener);
  }

  events(options: { signal?: AbortSignal } = {}): AsyncIterableIterator<ExecutionEvent<OutputOf<O>> | EventsOverflowed> {
    check.fields({ signal: check.abortSignal })(options, "options");
    return this.#events.stream(options.signal);
  }

  async history(id: string, options: { after?: number; limit?: number } = {}): Promise<readonly ExecutionEvent<OutputOf<O>>[]> {
    check.text(id, "id");
    check.fields({ after: check.wholeNumber(0), limit: check.wholeNumber(1) })(options, "options");
    const { store, name } = this.#options;
    const { after: afterSequence = 0, limit = 1_000 } = options;
    await this.#history?.flush();
    return this.#patience.call(() => readHistory(store, { name, id, afterSequence, limit }));
  }

  async drain(): Promise<void> {
    await this.#worker?.drain();
  }

  async close(options: CloseOptions = {}): Promise<CloseReport> {
    check.fields({ mode: check.oneOf("drain", "cancel", "release"), deadlineMs: check.milliseconds })(options, "options");
    this.#closed ??= this.#close(options);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ mode = "release", deadlineMs = 30_000 }: CloseOptions): Promise<CloseReport> {
    const report = (await this.#worker?.close(mode, deadlineMs)) ?? { drained: 0, cancelled: 0, released: 0, abandoned: 0 };
    await this.#history?.flush();
    this.#patience.end();
    this.#waiters.close(releasedError);
    this.#stopSupervisor();
    this.#events.close();
    await this.#watch.close().catch((error) => this.#fleetOptions.reportError(error));
    return report;
  }

  /** A store that the user has closed after this coordinator is no trouble. */
  #report(error: unknown, report: (error: unknown) => void): void {
    if (this.#closed === undefined || !(error instanceof CoordinatorClosedError)) report(error);
  }

  #read(ids: readonly string[]): Promise<(StoredExecution | undefined)[]> {
    return this.#patience.call(() => Promise.all(ids.map((id) => this.#reads.add(id))));
  }

  #notice(notice: StoreNotice): void {
    if (this.#patience.isOver) return;
    this.#worker?.notice(notice);
    if (notice.type !== "final" && notice.type !== "missed") return;
    const looked = notice.type === "final" ? this.#waiters.look(notice.ids) : this.#waiters.look();
    // Polling finds what this look did not.
    looked.catch((error) => this.#fleetOptions.reportError(error));
  }

  #toInfo(record: StoredExecutionSummary): ExecutionInfo<OutputOf<O>> {
    const info = toDurableInfo<OutputOf<O>>(record, this.#fleetOptions.clock.now());
    if (info.status !== "running" || this.#worker?.leaseOf(record.id)?.fence !== record.fence) return info;
    // What runs here is known better than it was saved.
    const here = this.#fleet.info(record.id);
    if (here === undefined || (here.status !== "running" && here.status !== "queued")) return info;
    const state = here.status === "running" && info.state === "running.working" ? here.state : info.state;
    return { ...info, state, ...(here.progress !== undefined && { progress: here.progress }) };
  }

  async #refusal(id: string, { type }: EventObject): Promise<SendResult | undefined> {
    const { store, name, orchestrator, machineVersion } = this.#options;
    if (this.orchestratorMachine === undefined) return undefined;
    const [record] = await this.#patience.call(() => store.get(name, [id]));
    const here = this.#fleet.record(id)?.run?.state;
    return refusalOf(type, record, here, () => savedState(record as StoredExecution, orchestrator, machineVersion));
  }

  #cancelOnAbort(id: string, signal: AbortSignal, isStored: boolean): void {
    const { reportError } = this.#fleetOptions;
    const cancel = () => void this.cancel(id, "its start signal was aborted").catch(reportError);
    const stop = () => signal.removeEventListener("abort", cancel);
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    // What a transaction has not committed cannot be waited for.
    if (isStored) void this.#waiters.add(id, { resolve: stop, reject: stop });
  }

  /** It was queued or parked, and no worker will tell; one that has given it back may not have heard yet that it did. */
  async #tellCancelled(id: string, cancel: { readonly isTold: boolean }): Promise<void> {
    const { store, name } = this.#options;
    const [record] = await this.#patience.call(() => store.get(name, [id]));
    if (record?.status !== "cancelled") return;
    this.#waiters.ended(record as StoredEnd);
    if (cancel.isTold) return;
    this.#worker?.forget(id);
    this.#events.publish(toEndEvent(record));
    await this.#history?.endedUnheld([id]);
  }

  #within<Started>(transaction: unknown, start: () => Promise<Started>): Promise<Started> {
    const started = async () => {
      refusing(transaction, () => this.#checkOpen());
      return start();
    };
    return toldByTransaction(transaction, started());
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new CoordinatorClosedError();
  }
}
