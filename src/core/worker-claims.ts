import { initialTransition, transition } from "xstate";
import { type WorkerMode, type WorkerModeEvent, workerMachine } from "../../machines/worker-machine.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClaimReport } from "../ports/store-claim.ts";
import type { Patience } from "./durable-patience.ts";

export interface WorkerClaimsOptions {
  readonly clock: Clock;
  readonly patience: Patience;
  readonly leaseMs: number;
  readonly pollMs: number;
  generateId(): string;
  /** How many more this worker could run now. */
  freeSlots(): number;
  claim(claimId: string, limit: number): Promise<ClaimReport>;
  /** `sentAt`: on the monotonic clock, before the store was first asked. */
  claimed(report: ClaimReport, sentAt: number): void;
  modeChanged(mode: WorkerMode): void;
  reportError(error: unknown): void;
}

interface Claim {
  readonly id: string;
  readonly limit: number;
  readonly sentAt: number;
}

/** Asks the store for work, in the modes of `workerMachine`: as much as there are free slots, when there may be some. */
export class WorkerClaims {
  readonly #options: WorkerClaimsOptions;
  #mode = initialTransition(workerMachine)[0];
  /** The last claim got all it asked for, or something has happened since. */
  #mayHaveMore = true;
  /** A claim whose answer was lost: it is repeated as it was. */
  #unanswered: Claim | undefined;
  #failures = 0;
  /** Being settled while the next claim is made. */
  #leaving = 0;
  #poll: unknown;
  #backoff: unknown;
  #finds: ((nothing: boolean) => void)[] = [];

  constructor(options: WorkerClaimsOptions) {
    this.#options = options;
  }

  get mode(): WorkerMode {
    return this.#mode.value;
  }

  start(): void {
    this.#armPoll(this.#options.pollMs);
    this.wake();
  }

  /** There may be work. */
  wake(): void {
    this.#mayHaveMore = true;
    this.#step({ type: "worker.wake" });
  }

  /** There may be room. */
  roomChanged(): void {
    if (this.#mayHaveMore && this.mode === "idle" && this.#options.freeSlots() > 0)
      queueMicrotask(() => this.#step({ type: "worker.wake" }));
  }

  /**
   * The store has just been asked to settle so many: their places are asked for in the same tick, which some stores do in the same write. Should
   * it refuse to settle one, its lease is lost, so that its place is free all the same.
   */
  settling(count: number): void {
    if (!this.#mayHaveMore || this.mode !== "idle") return;
    this.#leaving = count;
    this.#step({ type: "worker.wake" });
  }

  change(event: WorkerModeEvent): void {
    this.#step(event);
    if (this.mode !== "draining" && this.mode !== "closed") return;
    const { clock } = this.#options;
    clock.clearTimeout(this.#poll);
    clock.clearTimeout(this.#backoff);
    for (const found of this.#finds.splice(0)) found(true);
  }

  /** Resolves with the next claim that is answered: to true when time alone would bring nothing more. */
  async findsNothing(): Promise<boolean> {
    const found = new Promise<boolean>((resolve) => this.#finds.push(resolve));
    this.wake();
    return found;
  }

  #step(event: WorkerModeEvent): void {
    const before = this.mode;
    [this.#mode] = transition(workerMachine, this.#mode, event);
    const after = this.mode;
    if (before === after) return;
    this.#options.modeChanged(after);
    if (after === "claiming") void this.#claim();
    if (after === "backingOff") this.#backOff();
  }

  async #claim(): Promise<void> {
    const { claim, claimed, clock, freeSlots, generateId, leaseMs, pollMs, reportError } = this.#options;
    const leaving = this.#leaving;
    this.#leaving = 0;
    // What becomes free or claimable in this tick is part of it.
    if (leaving === 0) await undefined;
    const now = clock.monotonicNow();
    const repeated = this.#unanswered !== undefined && now - this.#unanswered.sentAt < leaseMs / 2 ? this.#unanswered : undefined;
    const asked = repeated ?? { id: generateId(), limit: freeSlots() + leaving, sentAt: now };
    this.#unanswered = undefined;
    if (asked.limit <= 0) {
      this.#step({ type: "worker.claimed" });
      return;
    }
    try {
      this.#mayHaveMore = false;
      const report = await claim(asked.id, asked.limit);
      this.#failures = 0;
      claimed(report, asked.sentAt);
      if (report.executions.length >= asked.limit || repeated !== undefined) this.#mayHaveMore = true;
      this.#armPoll(Math.min(pollMs, report.nextDueInMs ?? pollMs));
      const nothing = report.executions.length === 0 && report.nextDueInMs === undefined;
      for (const found of this.#finds.splice(0)) found(nothing);
      this.#step({ type: "worker.claimed" });
      this.roomChanged();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) reportError(error);
      this.#mayHaveMore = true;
      this.#unanswered = asked;
      this.#failures += 1;
      this.#step({ type: "worker.claimFailed" });
    }
  }

  #backOff(): void {
    const { clock, patience } = this.#options;
    this.#backoff = clock.setTimeout(() => this.#step({ type: "worker.backoffOver" }), patience.delayMs(this.#failures));
  }

  #armPoll(delayMs: number): void {
    const { clock, pollMs } = this.#options;
    clock.clearTimeout(this.#poll);
    if (this.mode === "draining" || this.mode === "closed") return;
    this.#poll = clock.setTimeout(
      () => {
        this.#armPoll(pollMs);
        this.wake();
      },
      Math.max(1, delayMs),
    );
  }
}
