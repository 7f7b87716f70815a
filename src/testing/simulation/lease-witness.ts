import type { LeaseToken } from "../../model/lease.ts";
import type { ClaimReport, ClaimRequest, RenewReport, RenewRequest } from "../../ports/store-claim.ts";
import type { CheckpointRequest, SettleReport, SettleRequest } from "../../ports/store-settle.ts";
import type { Course } from "./course.ts";
import type { LinkObserver } from "./simulated-link.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { StoreCall } from "./simulated-store.ts";

interface Belief {
  /** Until when nobody else can hold it, in the run's time. */
  until: number;
  /** When the store has told that it is given up. */
  overAt: number;
}

/** Knows what each process was told of its leases, and checks that it writes under none that may be over. */
export class LeaseWitness implements LinkObserver {
  readonly #course: Course;
  readonly #leaseMs: number;
  readonly #beliefs = new WeakMap<SimulatedProcess, Map<string, Map<number, Belief>>>();
  readonly #owners = new WeakMap<SimulatedProcess, string>();
  /** When a claim was first sent: its repetition brings no longer lease. */
  readonly #claimsSentAt = new Map<string, number>();

  constructor(course: Course, leaseMs: number) {
    this.#course = course;
    this.#leaseMs = leaseMs;
  }

  /** Under which fence the process may act on it; 0 when it was told of none. */
  fenceOf(process: SimulatedProcess, id: string): number {
    return Math.max(0, ...this.#beliefsOf(process, id).keys());
  }

  validUntil(process: SimulatedProcess, id: string, fence: number): number {
    return this.#beliefsOf(process, id).get(fence)?.until ?? Number.NEGATIVE_INFINITY;
  }

  /** The name under which the process claims; undefined before it has. */
  ownerOf(process: SimulatedProcess): string | undefined {
    return this.#owners.get(process);
  }

  sent(process: SimulatedProcess, { method, parameters }: StoreCall): void {
    if (method === "claim") {
      const { claimId, owner } = parameters[0] as ClaimRequest;
      this.#owners.set(process, owner);
      if (!this.#claimsSentAt.has(claimId)) this.#claimsSentAt.set(claimId, this.#course.elapsedMs);
    }
    for (const { id, fence } of leasesWritten(method, parameters[0])) {
      const belief = this.#beliefsOf(process, id).get(fence);
      const what = `${process.name} sends a ${method} under fence ${fence}`;
      if (belief === undefined) this.#course.fail(`${what}, which it was never given`, id);
      else if (this.#course.elapsedMs > belief.overAt) this.#course.fail(`${what}, and knows that this lease is over`, id);
      else if (this.#course.elapsedMs >= belief.until) this.#course.fail(`${what}, and that lease may be over`, id);
    }
  }

  answered(process: SimulatedProcess, { method, parameters }: StoreCall, answer: unknown, sentAt: number): void {
    // Later than that, its worker has given the answer up, and does not learn from it.
    const isHeard = this.#course.elapsedMs - sentAt < (this.#leaseMs / 3) * 0.95;
    if (method === "claim") {
      const first = this.#claimsSentAt.get((parameters[0] as ClaimRequest).claimId) ?? sentAt;
      for (const { id, fence } of (answer as ClaimReport).executions) this.#learn(process, id, fence, first, isHeard);
    } else if (method === "renew") {
      for (const [index, report] of (answer as readonly RenewReport[]).entries()) {
        const { id, fence } = (parameters[0] as RenewRequest).leases[index] as LeaseToken;
        if (report.held) this.#learn(process, id, fence, sentAt, isHeard);
      }
    } else if (method === "settle" && isHeard) {
      for (const [index, report] of (answer as readonly SettleReport[]).entries()) {
        const { id, fence } = (parameters[0] as SettleRequest).settlements[index] as LeaseToken;
        const belief = this.#beliefsOf(process, id).get(fence);
        if (report.settled && belief !== undefined) belief.overAt = Math.min(belief.overAt, this.#course.elapsedMs);
      }
    }
  }

  #learn(process: SimulatedProcess, id: string, fence: number, sentAt: number, isHeard: boolean): void {
    const beliefs = this.#beliefsOf(process, id);
    const known = beliefs.get(fence);
    const until = sentAt + this.#leaseMs;
    if (known === undefined) beliefs.set(fence, { until, overAt: Number.POSITIVE_INFINITY });
    else known.until = Math.max(known.until, until);
    if (isHeard) for (const [other, belief] of beliefs) if (other < fence) belief.overAt = Math.min(belief.overAt, this.#course.elapsedMs);
  }

  #beliefsOf(process: SimulatedProcess, id: string): Map<number, Belief> {
    const ofProcess = this.#beliefs.get(process) ?? new Map<string, Map<number, Belief>>();
    this.#beliefs.set(process, ofProcess);
    const beliefs = ofProcess.get(id) ?? new Map<number, Belief>();
    ofProcess.set(id, beliefs);
    return beliefs;
  }
}

/** Of the writes that a worker sends only while it trusts its lease. */
function leasesWritten(method: StoreCall["method"], request: unknown): readonly LeaseToken[] {
  if (method === "settle") return (request as SettleRequest).settlements;
  return method === "checkpoint" || method === "park" ? (request as CheckpointRequest).entries : [];
}
