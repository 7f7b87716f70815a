import type {
  ClaimReport,
  ClaimRequest,
  RenewReport,
  RenewRequest,
  SlotReport,
  SlotRequest,
  SweepReport,
} from "../../ports/store-claim.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type {
  AppendSignalReport,
  AppendSignalsRequest,
  CancelReport,
  CancelRequest,
  ReadRequest,
  StoredSignal,
} from "../../ports/store-message.ts";
import type {
  CheckpointReport,
  CheckpointRequest,
  NewCheckpoint,
  ParkReport,
  ParkRequest,
  Settlement,
  SettleReport,
  SettleRequest,
} from "../../ports/store-settle.ts";
import type { Course } from "./course.ts";
import { isAuthorised, isClaimable, type LedgerEntry, newEntry, putDown } from "./ledger.ts";
import { type ClaimLimits, LimitsWitness } from "./limits-witness.ts";
import { faultOfRecord } from "./record-fault.ts";
import type { SimulatedStore, StoreCall, StoreObserver } from "./simulated-store.ts";

/** What a witness must know of the work that is done. */
export interface WitnessOptions extends ClaimLimits {
  /** Something happens that may cost leases. */
  readonly losesLeases: boolean;
  /** Why the checkpoint does not go with the signals it claims to contain; undefined when it does. */
  faultOfCheckpoint(body: string, signals: readonly string[]): string | undefined;
  /** Why the result cannot come of the work and these signals. */
  faultOfResult(entry: LedgerEntry, result: string, signals: readonly string[]): string | undefined;
  /** Why the execution must not fail with this error. */
  faultOfFailure(entry: LedgerEntry, error: string): string | undefined;
  /** Called when the store has changed. */
  changed(): void;
}

type Handler = (request: never, answer: never, now: number) => void;

/** Watches every call that the store does, and checks it against a ledger of its own. */
export class StoreWitness implements StoreObserver {
  readonly entries = new Map<string, LedgerEntry>();
  readonly #course: Course;
  readonly #store: SimulatedStore;
  readonly #options: WitnessOptions;
  readonly #claims = new Map<string, Map<string, number>>();
  readonly #keys = new Map<string, string>();
  /** Of the last change of a slot under each lease. */
  readonly #slotOrders = new Map<string, number>();
  readonly #limits: LimitsWitness;
  /** Writes under a lease that was over: refused, as they have to be. */
  refusals = 0;

  constructor(course: Course, store: SimulatedStore, options: WitnessOptions) {
    this.#course = course;
    this.#store = store;
    this.#options = options;
    this.#limits = new LimitsWitness(course, this.entries, options);
  }

  readonly #handlers: Readonly<Partial<Record<StoreCall["method"], Handler>>> = {
    insert: (request: InsertRequest, answer: readonly InsertReport[], now) => this.#inserted(request, answer, now),
    claim: (request: ClaimRequest, answer: ClaimReport, now) => this.#claimed(request, answer, now),
    renew: (request: RenewRequest, answer: readonly RenewReport[], now) => this.#renewed(request, answer, now),
    changeSlots: (request: SlotRequest, answer: readonly SlotReport[], now) => this.#slotsChanged(request, answer, now),
    checkpoint: (request: CheckpointRequest, answer: readonly CheckpointReport[], now) => this.#saved(request, answer, now),
    park: (request: ParkRequest, answer: readonly ParkReport[], now) => this.#parked(request, answer, now),
    settle: (request: SettleRequest, answer: readonly SettleReport[], now) => this.#settled(request, answer, now),
    requestCancel: (request: CancelRequest, answer: readonly CancelReport[]) => this.#cancelled(request, answer),
    appendSignals: (request: AppendSignalsRequest, answer: readonly AppendSignalReport[]) => this.#signalled(request, answer),
    readSignals: (request: ReadRequest, answer: readonly StoredSignal[]) => this.#read(request, answer),
    sweep: (_: unknown, answer: SweepReport, now) => this.#swept(answer, now),
  };

  done(call: StoreCall, answer: unknown, now: number): void {
    const handler = this.#handlers[call.method];
    if (handler === undefined) return;
    handler(call.parameters[0] as never, answer as never, now);
    for (const entry of this.entries.values()) this.#compare(entry);
    this.#options.changed();
  }

  #compare(entry: LedgerEntry): void {
    const fault = faultOfRecord(entry, this.#store.row(entry.id));
    if (fault !== undefined) this.#course.fail(fault, entry.id);
  }

  #expect(holds: boolean, what: string | (() => string), id?: string): void {
    if (!holds) this.#course.fail(typeof what === "string" ? what : what(), id);
  }

  #inserted({ executions }: InsertRequest, reports: readonly InsertReport[], now: number): void {
    for (const [index, start] of executions.entries()) {
      const report = reports[index] as InsertReport;
      const { id, startToken, idempotencyKey } = start;
      const known = this.entries.get(id);
      const keyHolder = idempotencyKey === undefined ? undefined : this.#keys.get(idempotencyKey);
      const same = this.entries.get(keyHolder ?? id);
      if (same?.start.startToken === startToken) {
        this.#expect(report.inserted && report.repeated, "a start that was repeated was not known again", id);
      } else if (report.inserted) {
        this.#expect(!report.repeated && known === undefined, "a record was made where there was one", id);
        this.#expect(keyHolder === undefined, "an idempotency key made a second record", id);
        this.entries.set(id, newEntry(start, now));
        if (idempotencyKey !== undefined) this.#keys.set(idempotencyKey, id);
      } else if (report.reason === "existing" || report.reason === "conflict") {
        this.#expect(keyHolder === report.existingId, "a start was refused for an idempotency key that nobody has used", id);
      } else {
        this.#expect(report.reason === "duplicate" && known !== undefined, `a start was refused as ${report.reason}`, id);
      }
    }
  }

  #claimed(request: ClaimRequest, { executions }: ClaimReport, now: number): void {
    const { claimId, owner, leaseMs, limit, ids } = request;
    const earlier = this.#claims.get(claimId);
    if (earlier !== undefined) {
      for (const { id, fence } of executions)
        this.#expect(earlier.get(id) === fence, "a repeated claim got what the first one did not get", id);
      return;
    }
    this.#expect(executions.length <= limit, "a claim got more than it asked for");
    this.#promote(now);
    const got = new Map<string, number>();
    let lastRank = Number.NEGATIVE_INFINITY;
    for (const { id, fence, attempt, takeovers } of executions) {
      const entry = this.entries.get(id);
      if (entry === undefined) {
        this.#course.fail("a claim got what nobody has started", id);
        return;
      }
      this.#expect(isClaimable(entry, now), () => `it was claimed while it was ${entry.place}`, id);
      this.#expect(fence > entry.fence, "its fence did not rise with the claim", id);
      const rank = entry.place === "queued" && entry.status === "queued" ? -entry.start.priority : Number.NEGATIVE_INFINITY;
      const isInTurn = rank >= lastRank || lastRank === Number.NEGATIVE_INFINITY;
      this.#expect(
        ids?.includes(id) ?? isInTurn,
        ids === undefined ? "it was claimed after one of lower priority" : "nobody asked for it",
        id,
      );
      lastRank = rank;
      entry.place = "leased";
      entry.status = "running";
      entry.owner = owner;
      entry.fence = fence;
      entry.expiresAt = now + leaseMs;
      entry.dueAt = undefined;
      entry.attempt += entry.attemptStep;
      entry.attemptStep = 0;
      entry.holdsSlot = true;
      this.#expect(attempt === entry.attempt, () => `it is in attempt ${attempt}, and should be in ${entry.attempt}`, id);
      const { maxAttempts } = entry.start;
      this.#expect(attempt - takeovers <= maxAttempts, `attempt ${attempt} began after ${takeovers} takeovers, of ${maxAttempts}`, id);
      got.set(id, fence);
    }
    // A claim that got nothing is forgotten: its repetition may get something.
    if (got.size > 0) this.#claims.set(claimId, got);
    this.#limits.checkGroups();
    this.#limits.checkRate(executions.length, now);
    if (ids === undefined && executions.length < limit) this.#checkNothingLeft(request, now);
  }

  /** What a claim leaves behind although it had room for it. */
  #checkNothingLeft({ rateLimit }: ClaimRequest, now: number): void {
    if (rateLimit !== undefined) return;
    for (const entry of this.entries.values()) {
      this.#expect(!isClaimable(entry, now) || this.#limits.isFull(entry.start.group), "a claim with room for it did not get it", entry.id);
    }
  }

  #renewed({ owner, leaseMs, leases }: RenewRequest, reports: readonly RenewReport[], now: number): void {
    for (const [index, { id, fence }] of leases.entries()) {
      const report = reports[index] as RenewReport;
      const entry = this.#judge(id, owner, fence, now, report.held, "renewal");
      if (entry === undefined || !report.held) continue;
      entry.expiresAt = now + leaseMs;
      this.#checkNews(entry, report);
    }
  }

  #slotsChanged({ owner, entries }: SlotRequest, reports: readonly SlotReport[], now: number): void {
    for (const [index, { id, fence, change, order = 0 }] of entries.entries()) {
      const report = reports[index] as SlotReport;
      const entry = this.#judge(id, owner, fence, now, report.changed || report.reason === "limited", "change of a slot");
      const last = this.#slotOrders.get(`${id}/${fence}`) ?? 0;
      if (entry === undefined || !report.changed || order < last) continue;
      this.#slotOrders.set(`${id}/${fence}`, order);
      entry.holdsSlot = change !== "yield";
      entry.isForced = change === "force";
    }
    this.#limits.checkGroups();
  }

  #saved({ owner, entries }: CheckpointRequest, reports: readonly CheckpointReport[], now: number): void {
    for (const [index, { id, fence, checkpoint }] of entries.entries()) {
      const report = reports[index] as CheckpointReport;
      const entry = this.#judge(id, owner, fence, now, report.saved, "checkpoint");
      if (entry === undefined || !report.saved) continue;
      this.#checkNews(entry, report);
      if (checkpoint === undefined) continue;
      this.#expect(report.stale === checkpoint.revision <= entry.revision, "a checkpoint that is not newer replaced one", id);
      if (!report.stale) this.#keep(entry, checkpoint);
    }
  }

  #parked({ owner, entries }: ParkRequest, reports: readonly ParkReport[], now: number): void {
    for (const [index, { id, fence, checkpoint, wakeInMs }] of entries.entries()) {
      const report = reports[index] as ParkReport;
      if (this.entries.get(id)?.settledFence === fence) {
        this.#expect(report.parked && report.repeated, "a park that was repeated was not known again", id);
        continue;
      }
      this.#expect(!report.parked || !report.repeated, "a first park was reported as repeated", id);
      const mayRefuse = !report.parked && (report.reason === "unreadSignal" || report.reason === "cancelRequested");
      const entry = this.#judge(id, owner, fence, now, report.parked || mayRefuse, "park");
      if (entry === undefined) continue;
      const unread = entry.signals.length > checkpoint.consumedSignal;
      if (!report.parked) {
        const isTrue = report.reason === "cancelRequested" ? entry.cancelled : unread;
        this.#expect(isTrue || !mayRefuse, () => `it was refused to be parked for ${report.reason}, which is not so`, id);
        continue;
      }
      this.#expect(!unread, "it was parked although a signal is unread", id);
      this.#expect(!entry.cancelled, "it was parked although it is to be cancelled", id);
      this.#keep(entry, checkpoint);
      putDown(entry, "parked", wakeInMs === undefined ? undefined : now + wakeInMs);
      entry.settledFence = fence;
    }
  }

  #settled({ owner, settlements }: SettleRequest, reports: readonly SettleReport[], now: number): void {
    for (const [index, settlement] of settlements.entries()) {
      const report = reports[index] as SettleReport;
      const { id, fence } = settlement;
      const before = this.entries.get(id);
      if (before?.settledFence === fence) {
        this.#expect(report.settled && report.repeated, "a settlement that was repeated was not known again", id);
        continue;
      }
      const entry = this.#judge(id, owner, fence, now, report.settled, "settlement");
      if (entry === undefined || !report.settled) continue;
      this.#expect(!report.repeated, "a first settlement was reported as repeated", id);
      this.#settle(entry, settlement, report.status, now);
    }
  }

  #settle(entry: LedgerEntry, { outcome, fence }: Settlement, status: LedgerEntry["status"], now: number): void {
    const { id } = entry;
    const wanted = { complete: "completed", fail: "failed", cancel: "cancelled", retry: "queued", release: "queued" } as const;
    const right = entry.cancelled ? "cancelled" : wanted[outcome.type];
    this.#expect(status === right, () => `${outcome.type} made it ${status}, and should have made it ${right}`, id);
    entry.settledFence = fence;
    entry.status = status;
    if (right !== "queued") {
      putDown(entry, "final", undefined);
      if (right === "completed" && outcome.type === "complete") this.#checkResult(entry, outcome.result ?? "");
      if (right === "failed" && outcome.type === "fail" && !outcome.abandoned) {
        const fault = this.#options.faultOfFailure(entry, outcome.error);
        this.#expect(fault === undefined, fault ?? "", id);
      }
      return;
    }
    const delayMs = "delayMs" in outcome ? (outcome.delayMs ?? 0) : 0;
    putDown(entry, "queued", delayMs > 0 ? now + delayMs : undefined);
    if (outcome.type !== "retry") return;
    entry.attemptStep = 1;
    if (outcome.checkpoint === "keep") return;
    entry.revision = 0;
    entry.base = entry.consumed;
  }

  #cancelled({ cancels }: CancelRequest, reports: readonly CancelReport[]): void {
    for (const [index, { id, token }] of cancels.entries()) {
      const report = reports[index] as CancelReport;
      const entry = this.entries.get(id);
      if (!report.accepted) {
        const isTrue = report.reason === "unknown" ? entry === undefined : entry?.place === "final" && !entry.cancelTokens.has(token);
        this.#expect(isTrue, `a cancel was refused as ${report.reason}`, id);
        continue;
      }
      if (entry === undefined) {
        this.#course.fail("a cancel of what nobody has started was accepted", id);
        continue;
      }
      if (entry.place === "final") {
        const first = entry.cancelTokens.get(token);
        this.#expect(
          report.status === first,
          () => `a cancel of what had ended was answered with ${report.status}, the first with ${first}`,
          id,
        );
        continue;
      }
      entry.cancelTokens.set(token, report.status);
      if (!entry.cancelled) entry.cancelledAt = this.#course.elapsedMs;
      entry.cancelled = true;
      if (entry.place === "leased") this.#expect(report.status === "running", "the cancel of a held execution ended it", id);
      else {
        this.#expect(report.status === "cancelled", "the cancel of what nobody holds did not end it", id);
        entry.status = "cancelled";
        putDown(entry, "final", undefined);
      }
    }
  }

  #signalled({ signals }: AppendSignalsRequest, reports: readonly AppendSignalReport[]): void {
    for (const [index, { id, token, body }] of signals.entries()) {
      const report = reports[index] as AppendSignalReport;
      const entry = this.entries.get(id);
      const earlier = entry?.signals.findIndex((signal) => signal.token === token) ?? -1;
      if (earlier >= 0) {
        const isKnown = report.accepted && report.repeated && report.sequence === earlier + 1;
        this.#expect(isKnown, "a signal that was repeated was not known again", id);
      } else if (!report.accepted) {
        const isTrue = report.reason === "unknown" ? entry === undefined : entry?.place === "final";
        this.#expect(isTrue, `a signal was refused as ${report.reason}`, id);
      } else if (entry === undefined || entry.place === "final") {
        this.#course.fail("a signal to what does not live was accepted", id);
      } else {
        entry.signals.push({ token, body });
        this.#expect(report.sequence === entry.signals.length && !report.repeated, "a signal got a wrong number", id);
        if (entry.place === "parked") putDown(entry, "queued", undefined);
      }
    }
  }

  #read({ id, afterSequence = 0 }: ReadRequest, answer: readonly StoredSignal[]): void {
    const entry = this.entries.get(id);
    if (entry === undefined) return;
    const from = Math.max(afterSequence, entry.consumed);
    const isRight =
      answer.length === Math.max(0, entry.signals.length - from) &&
      answer.every(({ sequence, body }, index) => sequence === from + index + 1 && entry.signals[sequence - 1]?.body === body);
    this.#expect(isRight, "signals that are unread were not read, or not in order", id);
  }

  #swept({ takenOver, lost, cancelled }: SweepReport, now: number): void {
    this.#promote(now);
    const take = (ids: readonly string[], then: (entry: LedgerEntry) => void) => {
      for (const id of ids) {
        const entry = this.entries.get(id);
        if (entry === undefined) continue;
        const isOver = entry.place === "leased" && (entry.expiresAt as number) <= now;
        this.#expect(this.#options.losesLeases, () => `${entry.owner} let its lease run out, and nothing had happened to it`, id);
        this.#expect(isOver, "it was taken from the holder of a lease that has not run out", id);
        then(entry);
      }
    };
    take(takenOver, (entry) => {
      this.#expect(!entry.cancelled, "it was to be cancelled, and was queued again", entry.id);
      this.#expect(entry.takeovers < entry.start.maxTakeovers, "it was taken over once too often", entry.id);
      putDown(entry, "queued", undefined);
      entry.status = "queued";
      entry.takeovers += 1;
      entry.attemptStep = 1;
    });
    take(lost, (entry) => {
      this.#expect(entry.takeovers >= entry.start.maxTakeovers, "it was given up too early", entry.id);
      putDown(entry, "final", undefined);
      entry.takeovers += 1;
      entry.status = "failed";
    });
    take(cancelled, (entry) => {
      this.#expect(entry.cancelled, "it was cancelled, and nobody had asked for it", entry.id);
      putDown(entry, "final", undefined);
      entry.status = "cancelled";
    });
  }

  /** The holder of a lease is never refused, anybody else always is. Gives the entry where the write is a rightful one. */
  #judge(id: string, owner: string, fence: number, now: number, accepted: boolean, what: string): LedgerEntry | undefined {
    const entry = this.entries.get(id);
    const may = isAuthorised(entry, owner, fence, now);
    if (accepted && !may) {
      const held = entry === undefined ? "nobody knows it" : `${entry.owner ?? "nobody"} holds it under fence ${entry.fence}`;
      this.#course.fail(`a ${what} of ${owner} under fence ${fence} was accepted, but ${held}`, id);
    } else if (!accepted && may) {
      this.#course.fail(`a ${what} of ${owner} under fence ${fence} was refused although the lease is good`, id);
    } else if (!accepted) this.refusals += 1;
    return may ? entry : undefined;
  }

  #keep(entry: LedgerEntry, { revision, body, consumedSignal }: NewCheckpoint): void {
    const { id } = entry;
    this.#expect(consumedSignal >= entry.consumed, "a checkpoint without signals that an earlier one has was accepted", id);
    this.#expect(consumedSignal <= entry.signals.length, "a checkpoint has signals that nobody sent", id);
    entry.revision = revision;
    entry.consumed = Math.max(entry.consumed, consumedSignal);
    const fault = this.#options.faultOfCheckpoint(body, bodies(entry).slice(entry.base, entry.consumed));
    this.#expect(fault === undefined, fault ?? "", id);
  }

  #checkResult(entry: LedgerEntry, result: string): void {
    const fault = this.#options.faultOfResult(entry, result, bodies(entry).slice(entry.base));
    this.#expect(fault === undefined, fault ?? "", entry.id);
  }

  #checkNews(entry: LedgerEntry, { cancelRequested, lastSignal }: { cancelRequested: boolean; lastSignal: number }): void {
    this.#expect(cancelRequested === entry.cancelled, "its holder was told wrongly whether it is to be cancelled", entry.id);
    this.#expect(lastSignal === entry.signals.length, "its holder was told wrongly which signals there are", entry.id);
  }

  /** What was due once stays claimable, even if the store's clock is set back. */
  #promote(now: number): void {
    for (const entry of this.entries.values()) {
      if (entry.dueAt === undefined || entry.dueAt > now) continue;
      entry.dueAt = undefined;
      if (entry.place === "parked") entry.place = "queued";
    }
  }
}

function bodies({ signals }: LedgerEntry): string[] {
  return signals.map(({ body }) => body);
}
