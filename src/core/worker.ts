import type { EventObject } from "xstate";
import type { WorkerMode } from "../../machines/worker-machine.ts";
import type { CloseReport } from "../model/execution.ts";
import { LeaseLostError } from "../model/store-errors.ts";
import type { ClaimReport, HolderNews, SlotReport } from "../ports/store-claim.ts";
import type { StoreNotice } from "../ports/store-message.ts";
import type { CheckpointReport, NewCheckpoint } from "../ports/store-settle.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { DurableCoordinatorOptions } from "./durable-options.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import type { Patience } from "./durable-patience.ts";
import { settingsOf } from "./durable-settings.ts";
import { releasedError } from "./execution-ending.ts";
import type { Fleet, FleetOptions } from "./fleet.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";
import type { BeginAttempt } from "./running-attempt.ts";
import type { SupervisorEvent } from "./supervisor.ts";
import { WorkerClaims } from "./worker-claims.ts";
import { WorkerClosing } from "./worker-closing.ts";
import { WorkerEarlyNotices } from "./worker-early-notices.ts";
import { WorkerHost } from "./worker-host.ts";
import { WorkerLease } from "./worker-lease.ts";
import { LeaseKeeper } from "./worker-lease-keeper.ts";
import { WorkerLooks } from "./worker-looks.ts";
import { WorkerMachineKeeper } from "./worker-machine-keeper.ts";
import { WorkerProgress } from "./worker-progress.ts";
import { WorkerSettler } from "./worker-settler.ts";
import { WorkerSignals } from "./worker-signals.ts";
import { WorkerSlots } from "./worker-slots.ts";
import { WorkerSweeps } from "./worker-sweeps.ts";
import { WorkerWrites } from "./worker-writes.ts";

/** What a worker works with. */
export interface WorkerParts {
  readonly options: DurableCoordinatorOptions<AnyOrchestrator>;
  readonly fleetOptions: FleetOptions;
  readonly patience: Patience;
  readonly owner: string;
  readonly machineId: string;
  generateId(): string;
  ended(end: StoredEnd): void;
  modeChanged(mode: WorkerMode): void;
  unclaimableChanged(unclaimable: number): void;
}

/** Claims executions, has the fleet of this process run them, and writes to the store what becomes of them, as long as it holds their leases. */
export class Worker {
  readonly settler: WorkerSettler;
  readonly begin: BeginAttempt;
  readonly #parts: WorkerParts;
  readonly #claims: WorkerClaims;
  readonly #leases: LeaseKeeper;
  readonly #signals: WorkerSignals;
  readonly #looks: WorkerLooks;
  readonly #progress: WorkerProgress;
  readonly #sweeps: WorkerSweeps;
  readonly #writes: WorkerWrites;
  /** Runs whose leases are lost and whose orchestrators have not settled; they still take a slot. */
  readonly #unwinding = new Map<AttemptRun, unknown>();
  #fleet!: Fleet;
  #send!: (event: SupervisorEvent) => void;
  readonly #early = new WorkerEarlyNotices();
  #closing: WorkerClosing | undefined;
  #drained: (() => void)[] = [];

  constructor(parts: WorkerParts) {
    const { options, fleetOptions, patience, owner, machineId, generateId } = parts;
    const { clock, random, reportError, begin } = fleetOptions;
    const { store, name, leaseMs = 30_000, pollMs = 500, retention, rateLimit, maxConcurrentPerGroup, machineVersion, restore } = options;
    this.#parts = parts;
    this.#writes = new WorkerWrites({ store, name, owner, patience, isValid: (lease) => this.#isValid(lease) });
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
      write: (lease, settlement) => this.#writes.settle(lease, settlement),
      send: (event) => this.#send(event),
      lost: (lease, why) => this.#lose(lease, why),
      settled: (lease, end, abandoned) => this.#settled(lease, end, abandoned),
      unwound: (run) => this.#unwound(run),
      retryCheckpoint: typeof options.orchestrator === "function" ? "keep" : "drop",
      reportError,
    });
    const versions = restore?.migrate !== undefined ? ("any" as const) : machineVersion === undefined ? [] : [machineVersion];
    this.#claims = new WorkerClaims({
      clock,
      patience,
      leaseMs,
      pollMs,
      generateId,
      freeSlots: () => this.#freeSlots(),
      claim: (claimId, limit) =>
        store.claim({
          ...{ name, owner, claimId, limit, leaseMs, machineId, versions },
          ...(maxConcurrentPerGroup !== undefined && { groupLimit: fleetOptions.maxOfGroup }),
          ...(rateLimit !== undefined && { rateLimit }),
        }),
      claimed: (report, sentAt) => this.#take(report, sentAt),
      answered: () => {
        if (!this.#claims.isAsking) this.#early.clear();
        this.#closing?.answered();
      },
      modeChanged: (mode) => parts.modeChanged(mode),
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
    const slots =
      maxConcurrentPerGroup === undefined
        ? undefined
        : new WorkerSlots({
            patience,
            change: async (entry) => {
              const [report] = await store.changeSlots({ name, owner, groupLimit: fleetOptions.maxOfGroup, entries: [entry] });
              return report as SlotReport;
            },
            pause: () => new Promise((resolve) => clock.setTimeout(resolve, pollMs)),
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
      count:
        machineVersion === undefined ? undefined : async () => (await store.counts({ name, runs: { machineId, versions } })).unclaimable,
      counted: (unclaimable) => parts.unclaimableChanged(unclaimable),
      swept: (report) => report.takenOver.length + report.due > 0 && this.#claims.wake(),
      random,
      reportError,
    });
    this.begin = (input, host) => {
      const lease = this.#leases.get(host.executionId);
      if (lease === undefined) throw new LeaseLostError(host.executionId, "it ran out before the attempt began");
      if (lease.execution.lastSignal > lease.deliveredSignal) queueMicrotask(() => this.#signals.look(lease));
      const keeper = typeof options.orchestrator === "function" ? undefined : this.#createKeeper(lease);
      const settings = settingsOf(options, lease.execution.settings);
      const hostOptions = { slots, settings, machineId, machineVersion, maxCheckpointBytes: options.maxCheckpointBytes ?? 1_048_576 };
      return begin(
        input,
        new WorkerHost(
          host,
          lease,
          {
            ...hostOptions,
            save: (held, checkpoint) => this.#save(held, checkpoint),
            progressed: (held) => this.#progress.changed(held),
            lost: (held, why) => this.#lose(held, why),
          },
          keeper,
        ),
      );
    };
  }

  /** Before `start`. */
  attach(fleet: Fleet, send: (event: SupervisorEvent) => void): void {
    this.#fleet = fleet;
    this.#send = send;
  }

  get mode(): WorkerMode {
    return this.#claims.mode;
  }

  get unwinding(): number {
    return this.#unwinding.size;
  }

  start(): void {
    this.#claims.start();
    this.#sweeps.start();
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
    return Math.max(0, this.#freeSlots());
  }

  /** The fleet's counts have changed. */
  statsChanged(): void {
    this.#claims.roomChanged();
    if (this.#leases.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Whether this worker holds it under that fence. */
  holds(id: string, fence: number): boolean {
    return this.#leases.get(id)?.fence === fence;
  }

  /** Resolves when it holds nothing and finds nothing more. */
  async drain(): Promise<void> {
    for (;;) {
      if (this.#leases.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
      if (this.mode === "draining" || this.mode === "closed") return;
      if ((await this.#claims.findsNothing()) && this.#leases.size === 0) return;
      if (this.#leases.size === 0) await new Promise((resolve) => this.#parts.fleetOptions.clock.setTimeout(() => resolve(undefined), 10));
    }
  }

  async close(mode: "drain" | "cancel" | "release", deadlineMs: number): Promise<CloseReport> {
    this.#claims.change({ type: "worker.drain" });
    this.#sweeps.stop();
    const { clock } = this.#parts.fleetOptions;
    this.#closing = new WorkerClosing(clock, deadlineMs, {
      leases: () => this.#leases.values(),
      isAsking: () => this.#claims.isAsking,
      runOf: (lease) => this.#runOf(lease),
      release: (lease) => void this.settler.release(lease),
      cancel: (lease) => this.#cancel(lease, "the coordinator is closing"),
      abandon: (lease) => this.#abandon(lease),
    });
    const report = await this.#closing.run(mode);
    for (const lease of this.#leases.values()) this.#lose(lease, "its worker was closed");
    this.#leases.stop();
    for (const timer of this.#unwinding.values()) clock.clearTimeout(timer);
    this.#progress.stop();
    this.#claims.change({ type: "worker.close" });
    for (const resolve of this.#drained.splice(0)) resolve();
    return report;
  }

  #createKeeper(lease: WorkerLease): WorkerMachineKeeper {
    const { options, fleetOptions, machineId } = this.#parts;
    const keeper = new WorkerMachineKeeper(lease, {
      clock: fleetOptions.clock,
      machineId,
      machineVersion: options.machineVersion,
      maxCheckpointBytes: options.maxCheckpointBytes ?? 1_048_576,
      policy: options.checkpoint ?? "every",
      restore: options.restore ?? {},
      save: (held, checkpoint) => this.#save(held, checkpoint),
      park: (held, checkpoint, wakeInMs) => this.#writes.park(held, checkpoint, wakeInMs),
      lost: (held, why) => this.#lose(held, why),
      parked: (held) => this.#parked(held),
      refusedPark: (held) => this.#leases.check([held]),
    });
    lease.keeper = keeper;
    return keeper;
  }

  /** It is in the store alone now; here, only its actor is to be stopped. */
  #parked(lease: WorkerLease): void {
    const run = this.#runOf(lease);
    this.#leases.remove(lease);
    lease.lost = true;
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

  #freeSlots(): number {
    const { maxConcurrent, slotsTaken, queued } = this.#fleet.stats();
    return maxConcurrent - slotsTaken - queued - this.#unwinding.size;
  }

  #take({ executions }: ClaimReport, sentAt: number): void {
    const validUntil = this.#leases.validUntil(sentAt);
    const leases: WorkerLease[] = [];
    for (const execution of executions) {
      const known = this.#leases.get(execution.id);
      // A repeated answer; or proof that the older claim is void.
      if (known?.fence === execution.fence) continue;
      if (known !== undefined) this.#lose(known, "superseded");
      const lease = new WorkerLease(execution, validUntil);
      this.#leases.add(lease);
      leases.push(lease);
      if (this.mode === "draining" || this.mode === "closed") void this.settler.release(lease);
      else this.#run(lease);
    }
    void this.#leases.check(this.#early.about(leases));
  }

  #run(lease: WorkerLease): void {
    const reject = (error: unknown) => {
      this.#parts.fleetOptions.reportError(error);
      void this.settler.release(lease);
    };
    this.#send({ type: "execution.start", requests: [lease.request], resolve: () => {}, reject });
    if (lease.execution.cancelRequestedAt !== undefined) this.#cancel(lease, lease.execution.reason);
  }

  #settled(lease: WorkerLease, end: StoredEnd | undefined, abandoned: boolean): void {
    lease.keeper?.stop();
    this.#leases.remove(lease);
    this.#closing?.settled(end, abandoned);
    this.#groupHasRoom(lease);
    if (end !== undefined) this.#parts.ended(end);
    else this.#claims.roomChanged();
  }

  /** The orchestrator is asked to stop; it goes on taking a slot until it does, or its grace period is over. */
  #lose(lease: WorkerLease, why: string): void {
    if (lease.lost) return;
    lease.lost = true;
    lease.keeper?.stop();
    const run = this.#runOf(lease);
    this.#leases.remove(lease);
    if (run !== undefined && (run.running !== undefined || !lease.settling)) {
      const { clock, cancelGraceMs } = this.#parts.fleetOptions;
      this.#unwinding.set(
        run,
        clock.setTimeout(() => this.#unwound(run), cancelGraceMs, true),
      );
      run.stop(new LeaseLostError(lease.id, why));
    }
    this.#send({ type: "execution.leave", request: lease.request, details: undefined });
    this.#closing?.lost();
  }

  #unwound(run: AttemptRun): void {
    this.#parts.fleetOptions.clock.clearTimeout(this.#unwinding.get(run));
    this.#unwinding.delete(run);
    this.#claims.roomChanged();
  }

  #hear(lease: WorkerLease, { cancelRequested, reason, lastSignal }: HolderNews): void {
    if (cancelRequested) this.#cancel(lease, reason);
    if (lastSignal > lease.deliveredSignal) this.#signals.look(lease);
  }

  #cancel(lease: WorkerLease, reason: string | undefined): void {
    lease.cancelReason ??= reason;
    if (!lease.settling && !lease.lost) this.#send({ type: "execution.cancel", id: lease.id, reason, resolve: () => {} });
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
