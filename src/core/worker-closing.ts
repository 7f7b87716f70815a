import type { CloseReport } from "../model/execution.ts";
import type { Clock } from "../ports/clock.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { StoredEnd } from "./durable-outcome.ts";
import { releasedError } from "./execution-ending.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** How long past its deadline a close waits for the store to take back what is given back. */
const lastWriteMs = 1_000;

export interface WorkerClosingOptions {
  leases(): WorkerLease[];
  /** A claim is under way: what it brings is to be given back. */
  isAsking(): boolean;
  runOf(lease: WorkerLease): AttemptRun | undefined;
  release(lease: WorkerLease): void;
  /** Its end comes without a safe point: whether its lease was let run out instead of given back, so that it counts as lost. */
  forsakes(lease: WorkerLease): boolean;
  cancel(lease: WorkerLease): void;
  abandon(lease: WorkerLease): void;
}

/** A close under way: brings what the worker holds to an end or back to the store, and counts what became of it. */
export class WorkerClosing {
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #options: WorkerClosingOptions;
  readonly #report = { drained: 0, cancelled: 0, released: 0, abandoned: 0 };
  #nothingHeld: () => void = () => {};

  constructor(clock: Clock, deadlineMs: number, options: WorkerClosingOptions) {
    this.#clock = clock;
    this.#deadlineMs = deadlineMs;
    this.#options = options;
  }

  async run(mode: "drain" | "cancel" | "release"): Promise<CloseReport> {
    const { leases, cancel, release, runOf } = this.#options;
    for (const lease of leases()) {
      if (mode === "cancel") cancel(lease);
      else if (runOf(lease) === undefined && !lease.settling) release(lease);
      else if (mode === "release") {
        lease.yielding = true;
        lease.keeper?.stepped();
      }
    }
    await this.#untilNothingIsHeld(this.#deadlineMs);
    for (const lease of leases()) this.#cutOff(lease, mode);
    await this.#untilNothingIsHeld(lastWriteMs);
    // The store did not answer: their leases run out, which gives them back, too.
    this.#report.released += leases().length;
    return { ...this.#report };
  }

  settled(end: StoredEnd | undefined, abandoned: boolean): void {
    if (end === undefined) this.#report.released += 1;
    else if (abandoned) this.#report.abandoned += 1;
    else if (end.status === "cancelled") this.#report.cancelled += 1;
    else this.#report.drained += 1;
    this.#check();
  }

  /** Another worker has it, or will. */
  lost(): void {
    this.#report.released += 1;
    this.#check();
  }

  /** The claim that was under way has been answered. */
  answered(): void {
    this.#check();
  }

  #cutOff(lease: WorkerLease, mode: "drain" | "cancel" | "release"): void {
    const { abandon, release, runOf } = this.#options;
    if (lease.settling) return;
    if (mode === "cancel") {
      abandon(lease);
      return;
    }
    if (this.#options.forsakes(lease)) return;
    const run = runOf(lease);
    release(lease);
    run?.stop(releasedError(lease.id));
  }

  #check(): void {
    if (this.#holdsNothing) this.#nothingHeld();
  }

  get #holdsNothing(): boolean {
    const { leases, isAsking } = this.#options;
    return leases().length === 0 && !isAsking();
  }

  async #untilNothingIsHeld(mostMs: number): Promise<void> {
    if (this.#holdsNothing) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(resolve, mostMs);
      this.#nothingHeld = () => {
        this.#clock.clearTimeout(timer);
        resolve();
      };
    });
  }
}
