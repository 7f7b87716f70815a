import { initialTransition, type SnapshotFrom, transition } from "xstate";
import { type WorkerMode, type WorkerModeEvent, workerMachine } from "../../machines/worker-machine.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClaimReport } from "../ports/store-claim.ts";
import { outageFailures, type Patience } from "./durable-patience.ts";
import type { WorkerLease } from "./worker-lease.ts";

export interface WorkerClaimsOptions {
  readonly clock: Clock;
  readonly patience: Patience;
  readonly leaseMs: number;
  readonly pollMs: number;
  generateId(): string;
  /** Without limits that hold across workers, what is being settled cannot be in a claim's way. */
  readonly claimsWhileSettling: boolean;
  /** How many more this worker could run now. */
  freeSlots(): number;
  claim(claimId: string, limit: number): Promise<ClaimReport>;
  /** `sentAt`: on the monotonic clock, before the store was first asked. */
  claimed(report: ClaimReport, sentAt: number): void;
  /** A claim is over, whether the store answered or not. */
  answered(): void;
  modeChanged(mode: WorkerMode): void;
  reportError(error: unknown): void;
}

type WorkerSnapshot = SnapshotFrom<typeof workerMachine>;

type LeavingLease = Pick<WorkerLease, "leaving">;

interface Claim {
  readonly id: string;
  readonly limit: number;
  readonly sentAt: number;
}

const [firstMode] = initialTransition(workerMachine);
/** The chart has neither a context nor guards: where an event leads from a mode is found out once. */
const modesAfter = new Map<string, WorkerSnapshot>();

function modeAfter(mode: WorkerSnapshot, event: WorkerModeEvent): WorkerSnapshot {
  const key = `${mode.value} ${event.type}`;
  let next = modesAfter.get(key);
  if (next === undefined) {
    [next] = transition(workerMachine, mode, event);
    modesAfter.set(key, next);
  }
  return next;
}

/** Asks the store for work, in the modes of `workerMachine`: as much as there are free slots, when there may be some. */
export class WorkerClaims {
  readonly #options: WorkerClaimsOptions;
  #mode = firstMode;
  /** The last claim got all it asked for, or something has happened since. */
  #mayHaveMore = true;
  /** Counts what has happened, so that an answer knows whether something did since it was asked for. */
  #wakes = 0;
  /** Claims whose answers were lost: they are repeated as they were. */
  #unanswered: Claim[] = [];
  /** How many claims are under way. */
  #asking = 0;
  /** Places that claims under way are for. */
  #asked = 0;
  /** How many places are about to be free, because the store is settling who holds them. */
  #leaving = 0;
  #failures = 0;
  #poll: unknown;
  #backoff: unknown;
  #finds: ((nothing: boolean) => void)[] = [];

  constructor(options: WorkerClaimsOptions) {
    this.#options = options;
  }

  get mode(): WorkerMode {
    return this.#mode.value;
  }

  /** The store is being asked, and may give something. */
  get isAsking(): boolean {
    return this.#asking > 0;
  }

  /** The store has been asked, and its answer is still to come, or is to be asked for again. */
  get mayBring(): boolean {
    return this.#asking > 0 || this.#unanswered.length > 0;
  }

  start(): void {
    this.#armPoll(this.#options.pollMs);
    this.wake();
  }

  /** There may be work. */
  wake(): void {
    this.#mayHaveMore = true;
    this.#wakes += 1;
    this.#step({ type: "worker.wake" });
  }

  /** There may be room. */
  roomChanged(): void {
    if (this.#mayHaveMore && this.mode === "idle" && this.#room > 0) queueMicrotask(() => this.#step({ type: "worker.wake" }));
  }

  /**
   * The store has just been asked to settle these. Their places are asked for in the same tick, which some stores do in the same write; should
   * the store refuse to settle one, its lease is lost, and its place is free all the same.
   */
  settling(leases: readonly LeavingLease[], answer: Promise<unknown>): void {
    for (const lease of leases) this.#setLeaving(lease, true);
    const answered = () => {
      for (const lease of leases) this.#setLeaving(lease, false);
    };
    answer.then(answered, answered);
    const claims = this.mode === "idle" || this.mode === "claiming" || this.mode === "woken";
    if (!this.#options.claimsWhileSettling || !claims || !this.#mayHaveMore || this.#unanswered.length > 0) return;
    const limit = this.#options.freeSlots() + this.#leaving - this.#asked;
    if (limit > 0) void this.#claimAlong(this.#newClaim(limit));
  }

  /** Its place is free before the store has answered: it was lost meanwhile. */
  left(lease: LeavingLease): void {
    this.#setLeaving(lease, false);
  }

  change(event: WorkerModeEvent): void {
    this.#step(event);
    if (this.#looks) return;
    for (const found of this.#finds.splice(0)) found(this.#bringsNothing);
    if (!this.#isOver) return;
    const { clock } = this.#options;
    clock.clearTimeout(this.#poll);
    clock.clearTimeout(this.#backoff);
  }

  /** Resolves with the answer to the next claim that is sent, if one may be: to true when time alone would bring nothing more. */
  async findsNothing(): Promise<boolean> {
    if (!this.#looks) return this.#bringsNothing;
    const found = new Promise<boolean>((resolve) => this.#finds.push(resolve));
    this.wake();
    return found;
  }

  get #isOver(): boolean {
    return this.mode === "draining" || this.mode === "closed";
  }

  /** It asks for work, now or later. */
  get #looks(): boolean {
    return this.mode !== "paused" && !this.#isOver;
  }

  /** Of one that asks for nothing more: what it has asked for before may still come. */
  get #bringsNothing(): boolean {
    return this.#isOver || this.#asked === 0;
  }

  /** Places that are free and not asked for. */
  get #room(): number {
    return this.#options.freeSlots() - Math.max(0, this.#asked - this.#leaving);
  }

  #setLeaving(lease: LeavingLease, leaving: boolean): void {
    if (lease.leaving === leaving) return;
    lease.leaving = leaving;
    this.#leaving += leaving ? 1 : -1;
  }

  #step(event: WorkerModeEvent): void {
    // As its actor would have: what is closed takes no more events.
    if (this.#mode.status === "done") return;
    const before = this.mode;
    this.#mode = modeAfter(this.#mode, event);
    const after = this.mode;
    if (before === after) return;
    this.#options.modeChanged(after);
    if (after === "claiming") void this.#claim();
    if (after === "backingOff") this.#backOff();
  }

  async #claim(): Promise<void> {
    this.#asking += 1;
    // What becomes free or claimable in this tick is part of it.
    await undefined;
    await this.#claimInMode();
    this.#over();
  }

  async #claimInMode(): Promise<void> {
    if (this.mode !== "claiming" && this.mode !== "woken") return;
    const repeated = this.#takeUnanswered();
    const claim = repeated ?? this.#newClaim(this.#room);
    if (claim.limit <= 0) {
      this.#step({ type: "worker.claimed" });
      return;
    }
    // The answer to a claim that was sent before says nothing about what came since.
    const finds = repeated === undefined ? this.#finds.splice(0) : [];
    const report = await this.#ask(claim);
    if (report === undefined) {
      if (this.#looks) this.#finds.push(...finds);
      else for (const found of finds) found(this.#bringsNothing);
      this.#step({ type: "worker.claimFailed" });
      return;
    }
    if (repeated !== undefined) this.#mayHaveMore = true;
    const { pollMs } = this.#options;
    this.#armPoll(Math.min(pollMs, report.nextDueInMs ?? pollMs));
    const nothing = report.executions.length === 0 && report.nextDueInMs === undefined && this.#asked === 0;
    for (const found of finds) found(nothing);
    this.#step({ type: "worker.claimed" });
  }

  /** Beside what the mode does. */
  async #claimAlong(claim: Claim): Promise<void> {
    this.#asking += 1;
    await this.#ask(claim);
    this.#over();
  }

  #over(): void {
    this.#asking -= 1;
    this.#options.answered();
    this.#goOn();
  }

  #goOn(): void {
    if (this.#unanswered.length > 0) this.#step({ type: "worker.wake" });
    else this.roomChanged();
  }

  #newClaim(limit: number): Claim {
    const { clock, generateId } = this.#options;
    return { id: generateId(), limit, sentAt: clock.monotonicNow() };
  }

  /** What was granted longer ago may have been given to another worker. */
  #takeUnanswered(): Claim | undefined {
    const { clock, leaseMs } = this.#options;
    const now = clock.monotonicNow();
    this.#unanswered = this.#unanswered.filter(({ sentAt }) => now - sentAt < leaseMs / 2);
    return this.#unanswered.shift();
  }

  /** Undefined when there was no answer; it is asked for again. */
  async #ask(asked: Claim): Promise<ClaimReport | undefined> {
    const { claim, claimed, reportError } = this.#options;
    const wakes = this.#wakes;
    this.#asked += asked.limit;
    try {
      const report = await claim(asked.id, asked.limit);
      this.#failures = 0;
      if (report.executions.length < asked.limit && wakes === this.#wakes) this.#mayHaveMore = false;
      claimed(report, asked.sentAt);
      return report;
    } catch (error) {
      this.#failures += 1;
      if (!(error instanceof StoreUnavailableError) || this.#failures === outageFailures) reportError(error);
      this.#mayHaveMore = true;
      this.#unanswered.push(asked);
      return undefined;
    } finally {
      this.#asked -= asked.limit;
    }
  }

  #backOff(): void {
    const { clock, patience } = this.#options;
    clock.clearTimeout(this.#backoff);
    this.#backoff = clock.setTimeout(() => this.#step({ type: "worker.backoffOver" }), patience.delayMs(this.#failures));
  }

  #armPoll(delayMs: number): void {
    const { clock, pollMs } = this.#options;
    clock.clearTimeout(this.#poll);
    if (this.#isOver) return;
    this.#poll = clock.setTimeout(
      () => {
        this.#armPoll(pollMs);
        this.wake();
      },
      Math.max(1, delayMs),
    );
  }
}
