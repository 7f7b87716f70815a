import type { EventObject } from "xstate";
import type { WorkerMode } from "../../machines/worker-machine.ts";
import type { CloseReport } from "../model/execution.ts";
import { LeaseLostError } from "../model/store-errors.ts";
import type { ClaimReport, HolderNews, SweepReport } from "../ports/store-claim.ts";
import type { StoreNotice } from "../ports/store-message.ts";
import type { CheckpointReport, NewCheckpoint, Settlement, SettleReport } from "../ports/store-settle.ts";
import type { AttemptRun } from "./attempt-run.ts";
import { type DurableHints, toHint } from "./durable-hints.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import { releasedError } from "./execution-ending.ts";
import type { Fleet } from "./fleet.ts";
import type { BeginAttempt } from "./running-attempt.ts";
import type { SupervisorEvent } from "./supervisor.ts";
import { createLeasedAttempts } from "./worker-attempts.ts";
import { WorkerClaims } from "./worker-claims.ts";
import { WorkerClosing } from "./worker-closing.ts";
import { WorkerDrain } from "./worker-drain.ts";
import { WorkerEarlyNotices } from "./worker-early-notices.ts";
import { WorkerLease } from "./worker-lease.ts";
import { LeaseKeeper } from "./worker-lease-keeper.ts";
import { WorkerLooks } from "./worker-looks.ts";
import type { WorkerParts } from "./worker-parts.ts";
import { WorkerProgress } from "./worker-progress.ts";
import type { WorkerQueue } from "./worker-queue.ts";
import { WorkerSettler } from "./worker-settler.ts";
import { WorkerSignals } from "./worker-signals.ts";
import { WorkerSweeps } from "./worker-sweeps.ts";
import { createWorkSource, runnableBy } from "./worker-work-source.ts";
import { WorkerWrites } from "./worker-writes.ts";

/** Claims executions, has the fleet of this process run them, and writes to the store what becomes of them, as long as it holds their leases. */
export class Worker {
  readonly settler: WorkerSettler;
  readonly begin: BeginAttempt;
  readonly #parts: WorkerParts;
  readonly #claims: WorkerClaims;
  readonly #queue: WorkerQueue | undefined;
  readonly #leases: LeaseKeeper;
  readonly #signals: WorkerSignals;
  readonly #looks: WorkerLooks;
  readonly #progress: WorkerProgress;
  readonly #sweeps: WorkerSweeps;
  readonly #writes: WorkerWrites;
  readonly #drain: WorkerDrain;
  #fleet!: Fleet;
  #send!: (event: SupervisorEvent) => void;
  readonly #early = new WorkerEarlyNotices();
  #closing: WorkerClosing | undefined;

  constructor(parts: WorkerParts) {
    const { options, fleetOptions, patience, hints, owner, generateId } = parts;
    const { clock, random, reportError } = fleetOptions;
    const { store, name, leaseMs = 30_000, pollMs = 500, retention, machineVersion } = options;
    this.#parts = parts;
    this.#writes = new WorkerWrites({
      ...{ store, name, owner, patience },
      isValid: (lease) => this.#isValid(lease),
      settling: (leases, answer) => this.#claims.settling(leases, answer),
    });
    this.#leases = new LeaseKeeper({
      clock,
      leaseMs,
      renew: (leases) => store.renew({ name, owner, leaseMs, leases }),
      lost: (lease, why) => this.#lose(lease, why),
      news: (lease, news) => this.#hear(lease, news),
      reportError,
    });
    this.settler = new WorkerSettler({
      leaseOf: ({ request }) => this.#leaseOf(request.id, request),
      write: (lease, settlement) => this.#settle(lease, settlement),
      send: (event) => this.#send(event),
      lost: (lease, why) => this.#lose(lease, why),
      settled: (lease, end, abandoned) => this.#settled(lease, end, abandoned),
      unwound: (run) => this.#send({ type: "attempt.unwound", run }),
      retryCheckpoint: typeof options.orchestrator === "function" ? "keep" : "drop",
      reportError,
    });
    const runs = runnableBy(parts);
    const { claim, queue } = createWorkSource(parts, {
      room: () => (["paused", "draining", "closed"].includes(this.mode) ? 0 : this.#fleet.freeSlots),
      arrived: () => this.#claims.wake(),
    });
    this.#queue = queue;
    this.#claims = new WorkerClaims({
      clock,
      patience,
      leaseMs,
      pollMs,
      generateId,
      claimsWhileSettling: options.maxConcurrentPerGroup === undefined && options.rateLimit === undefined && options.queue === undefined,
      freeSlots: () => this.#fleet.freeSlots,
      claim,
      claimed: (report, sentAt) => this.#take(report, sentAt),
      answered: () => {
        if (!this.#claims.isAsking) this.#early.clear();
        this.#closing?.answered();
      },
      modeChanged: (mode) => {
        queue?.roomChanged();
        parts.modeChanged(mode);
      },
      reportError,
    });
    this.#looks = new WorkerLooks({
      leases: () => this.#leases.values(),
      get: (ids) => store.get(name, ids),
      news: (lease, news) => this.#hear(lease, news),
      reportError,
    });
    this.#progress = new WorkerProgress({ clock, pollMs, save: (lease) => this.#save(lease), reportError });
    this.#signals = new WorkerSignals({
      read: (id, afterSequence) => store.readSignals({ name, id, afterSequence }),
      deliver: (lease, event) => this.#deliver(lease, event),
      keepsRefused: typeof options.orchestrator === "function",
      reportError,
    });
    this.#sweeps = new WorkerSweeps({
      clock,
      leaseMs,
      pollMs,
      maxAgeMs: retention?.maxAgeMs ?? 3_600_000,
      sweep: () => store.sweep({ name }),
      remove: (olderThanMs) => store.remove({ name, olderThanMs }),
      // Without a version, what this worker cannot run is another kind of machine, and there is one kind per name.
      count: machineVersion === undefined ? undefined : async () => (await store.counts({ name, runs })).unclaimable,
      counted: (unclaimable) => parts.unclaimableChanged(unclaimable),
      swept: (report) => this.#swept(report),
      publishOverdue: hints && (() => hints.publishOverdue(leaseMs)),
      random,
      reportError,
    });
    this.#drain = new WorkerDrain(parts, {
      holdsNothing: () => this.#leases.size === 0,
      isOver: () => this.mode === "draining" || this.mode === "closed",
      findsNothing: () => {
        queue?.look();
        return this.#claims.findsNothing();
      },
      mayBring: () => this.#claims.mayBring,
    });
    this.begin = createLeasedAttempts(parts, {
      leaseOf: (id) => this.#leaseToBegin(id),
      save: (lease, checkpoint) => this.#save(lease, checkpoint),
      park: (lease, checkpoint, wakeInMs) => this.#writes.park(lease, checkpoint, wakeInMs),
      progressed: (lease) => this.#progress.changed(lease),
      lost: (lease, why) => this.#lose(lease, why),
      parked: (lease) => this.#parked(lease),
      refusedPark: (lease) => this.#leases.check([lease]),
    });
  }

  /** Before `start`. */
  attach(fleet: Fleet, send: (event: SupervisorEvent) => void): void {
    this.#fleet = fleet;
    this.#send = send;
  }

  get mode(): WorkerMode {
    return this.#claims.mode;
  }

  start(): void {
    this.#claims.start();
    if (this.#parts.stint === undefined) this.#sweeps.start();
    void this.#queue?.open();
  }

  pause(): void {
    this.#claims.change({ type: "worker.pause" });
  }

  resume(): void {
    this.#claims.change({ type: "worker.resume" });
  }

  /** Something may have changed in the store. */
  notice(notice: StoreNotice): void {
    if (notice.type === "claimable" || notice.type === "missed") this.#claims.wake();
    if (notice.type === "missed") void this.#looks.look();
    if (notice.type === "cancelRequested") void this.#leases.check(notice.ids.flatMap((id) => this.#leases.get(id) ?? []));
    if (notice.type === "signalled") for (const lease of notice.ids.flatMap((id) => this.#leases.get(id) ?? [])) this.#signals.look(lease);
    if (this.#claims.isAsking) this.#early.add(notice);
  }

  /** How many more this process could run now. */
  get freeSlots(): number {
    return Math.max(0, this.#fleet.freeSlots);
  }

  /** The fleet's counts have changed. */
  statsChanged(): void {
    this.#roomChanged();
    if (this.#leases.size === 0) this.#drain.look();
  }

  /** Under which this worker holds it. */
  leaseOf(id: string): WorkerLease | undefined {
    return this.#leases.get(id);
  }

  /** It has ended, and not under a lease: one that this worker has is over. */
  forget(id: string): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined) this.#lose(lease, "it has been cancelled");
  }

  /** Resolves when it holds nothing and finds nothing more. */
  drain(): Promise<void> {
    return this.#drain.run();
  }

  async close(mode: "drain" | "cancel" | "release", deadlineMs: number): Promise<CloseReport> {
    this.#claims.change({ type: "worker.drain" });
    this.#sweeps.stop();
    const noMoreMessages = this.#queue?.close();
    const { clock } = this.#parts.fleetOptions;
    this.#closing = new WorkerClosing(clock, deadlineMs, {
      leases: () => this.#leases.values(),
      isAsking: () => this.#claims.isAsking,
      runOf: (lease) => this.#runOf(lease),
      release: (lease) => void this.settler.release(lease),
      forsakes: (lease) => this.#forsakes(lease),
      cancel: (lease) => this.#cancel(lease, "the coordinator is closing"),
      abandon: (lease) => this.#abandon(lease),
    });
    const report = await this.#closing.run(mode);
    for (const lease of this.#leases.values()) this.#lose(lease, "its worker was closed");
    this.#leases.stop();
    this.#progress.stop();
    await noMoreMessages;
    this.#claims.change({ type: "worker.close" });
    this.#drain.look();
    return report;
  }

  #leaseToBegin(id: string): WorkerLease {
    const lease = this.#leases.get(id);
    if (lease === undefined || lease.settling) throw new LeaseLostError(id, "it was over before the attempt began");
    if (lease.hasUndelivered || lease.execution.lastSignal > lease.deliveredSignal) queueMicrotask(() => this.#signals.look(lease));
    return lease;
  }

  /** It is in the store alone now; here, only its actor is to be stopped. */
  #parked(lease: WorkerLease): void {
    const run = this.#runOf(lease);
    this.#leases.remove(lease);
    lease.lost = true;
    lease.keeper?.stop();
    this.#send({ type: "execution.leave", request: lease.request, details: undefined });
    run?.stop(releasedError(lease.id));
    this.#closing?.settled(undefined, false);
    this.#groupHasRoom(lease);
  }

  /** Whoever frees a place in a limited group looks who may have it: nobody tells the others. */
  #groupHasRoom({ execution }: WorkerLease): void {
    if (execution.group !== undefined && this.#parts.options.maxConcurrentPerGroup !== undefined) this.#claims.wake();
  }

  #isValid(lease: WorkerLease): boolean {
    return lease.isValidAt(this.#parts.fleetOptions.clock.monotonicNow());
  }

  #leaseOf(id: string, request: unknown): WorkerLease | undefined {
    const lease = this.#leases.get(id);
    return lease?.request === request ? lease : undefined;
  }

  #runOf(lease: WorkerLease): AttemptRun | undefined {
    const record = this.#fleet.record(lease.id);
    return record?.request === lease.request ? record.run : undefined;
  }

  #take({ executions }: ClaimReport, sentAt: number): void {
    const validUntil = this.#leases.validUntil(sentAt);
    const leases: WorkerLease[] = [];
    for (const execution of executions) {
      const known = this.#leases.get(execution.id);
      // A repeated answer; or proof that the older claim is void.
      if (known?.fence === execution.fence) continue;
      if (known !== undefined) this.#lose(known, "superseded");
      const lease = new WorkerLease(execution, validUntil, this.#parts.stint);
      this.#leases.add(lease);
      leases.push(lease);
    }
    if (this.mode === "draining" || this.mode === "closed") for (const lease of leases) void this.settler.release(lease);
    else this.#run(leases);
    void this.#leases.check(this.#early.about(leases));
  }

  /** The fleet starts all of them or none: should it refuse, each is tried by itself. */
  #run(leases: readonly WorkerLease[]): void {
    const [lease] = leases;
    if (lease === undefined) return;
    const reject = (error: unknown) => {
      if (leases.length > 1) {
        for (const each of leases) this.#run([each]);
        return;
      }
      this.#parts.fleetOptions.reportError(error);
      void this.settler.release(lease);
    };
    this.#send({ type: "execution.start", requests: leases.map(({ request }) => request), resolve: () => {}, reject });
    for (const each of leases) if (each.execution.cancelRequestedAt !== undefined) this.#cancel(each, each.execution.reason);
  }

  #settled(lease: WorkerLease, end: StoredEnd | undefined, abandoned: boolean): void {
    lease.keeper?.stop();
    this.#leases.remove(lease);
    // It is given up: a checkpoint that is still to be written is not written any more.
    lease.lost = true;
    this.#closing?.settled(end, abandoned);
    this.#groupHasRoom(lease);
    if (end !== undefined) this.#parts.ended(end);
    else this.#roomChanged();
    if (this.#leases.size === 0) this.#drain.look();
  }

  /** The orchestrator is asked to stop. */
  #lose(lease: WorkerLease, why: string): void {
    if (lease.lost) return;
    lease.lost = true;
    lease.stint?.lost(lease);
    lease.keeper?.stop();
    const run = this.#runOf(lease);
    this.#leases.remove(lease);
    this.#claims.left(lease);
    const unwinds = run !== undefined && (run.running !== undefined || !lease.settling);
    if (unwinds) run.stop(new LeaseLostError(lease.id, why));
    this.#send({ type: "execution.leave", request: lease.request, details: undefined, unwinds });
    this.#closing?.lost();
  }

  /** What is not even one step nearer to its end when its worker's time is over would be given back for ever; a lost lease is counted. */
  #forsakes(lease: WorkerLease): boolean {
    const { stint, options } = this.#parts;
    if (stint === undefined || lease.saves > (typeof options.orchestrator === "function" ? 0 : 1)) return false;
    this.#lose(lease, "the time of its worker was over");
    return true;
  }

  #roomChanged(): void {
    this.#claims.roomChanged();
    this.#queue?.roomChanged();
  }

  #swept({ takenOver, due, lost, cancelled }: SweepReport): void {
    const { endedUnheld, fleetOptions, hints } = this.#parts;
    if (lost.length + cancelled.length > 0) endedUnheld([...lost, ...cancelled]).catch(fleetOptions.reportError);
    if (takenOver.length + due === 0) return;
    void hints?.publish(takenOver.map((executionId) => ({ executionId })));
    this.#queue?.look();
    this.#claims.wake();
  }

  #settle(lease: WorkerLease, settlement: Settlement): Promise<SettleReport> {
    const { hints } = this.#parts;
    const answer = this.#writes.settle(lease, settlement);
    return hints === undefined ? answer : this.#publishing(hints, lease, settlement, answer);
  }

  /** What is queued again is published, too. */
  async #publishing(
    hints: DurableHints,
    { execution }: WorkerLease,
    { outcome }: Settlement,
    answer: Promise<SettleReport>,
  ): Promise<SettleReport> {
    const report = await answer;
    const delayMs = outcome.type === "retry" ? outcome.delayMs : 0;
    if (report.settled && report.status === "queued") void hints.publish([toHint({ ...execution, delayMs })]);
    return report;
  }

  #hear(lease: WorkerLease, { cancelRequested, reason, lastSignal }: HolderNews): void {
    if (cancelRequested) this.#cancel(lease, reason);
    if (lastSignal > lease.deliveredSignal) this.#signals.look(lease);
  }

  #cancel(lease: WorkerLease, reason: string | undefined): void {
    lease.cancelReason ??= reason;
    if (lease.settling || lease.lost) return;
    // The fleet ends what it has not begun by itself, and nobody would tell the store.
    if (this.#runOf(lease) === undefined) void this.settler.cancelUnbegun(lease, reason);
    else this.#send({ type: "execution.cancel", id: lease.id, reason, resolve: () => {} });
  }

  #abandon(lease: WorkerLease): void {
    const record = this.#fleet.record(lease.id);
    if (record?.request === lease.request) this.settler.abandon(record);
  }

  #deliver(lease: WorkerLease, event: EventObject): ReturnType<AttemptRun["deliver"]> {
    const delivery = this.#runOf(lease)?.deliver(event);
    if (delivery?.accepted) this.#send({ type: "events.due" });
    return delivery;
  }

  async #save(lease: WorkerLease, checkpoint?: NewCheckpoint): Promise<CheckpointReport> {
    const report = await this.#writes.save(lease, checkpoint);
    if (report.saved) this.#hear(lease, report);
    return report;
  }
}
