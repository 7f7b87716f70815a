import type { Course } from "./course.ts";
import type { LedgerEntry } from "./ledger.ts";

/** Limits of a run that hold across its workers. */
export interface ClaimLimits {
  readonly groupLimit: number | undefined;
  readonly rateLimit: { readonly limit: number; readonly intervalMs: number } | undefined;
}

/** Checks what is claimed against the limits. */
export class LimitsWitness {
  readonly #course: Course;
  readonly #entries: ReadonlyMap<string, LedgerEntry>;
  readonly #limits: ClaimLimits;
  #claimTimes: number[] = [];

  constructor(course: Course, entries: ReadonlyMap<string, LedgerEntry>, limits: ClaimLimits) {
    this.#course = course;
    this.#entries = entries;
    this.#limits = limits;
  }

  /** Nothing more of the group may be claimed. */
  isFull(group: string | undefined): boolean {
    const { groupLimit } = this.#limits;
    return group !== undefined && groupLimit !== undefined && this.#holders(group) >= groupLimit;
  }

  checkGroups(): void {
    const { groupLimit } = this.#limits;
    if (groupLimit === undefined) return;
    for (const { id, start, holdsSlot } of this.#entries.values()) {
      if (!holdsSlot || start.group === undefined || this.#holders(start.group) <= groupLimit) continue;
      this.#course.fail(`group ${start.group} is above its limit of ${groupLimit}`, id);
    }
  }

  checkRate(claims: number, now: number): void {
    const { rateLimit } = this.#limits;
    if (rateLimit === undefined) return;
    for (let claim = 0; claim < claims; claim++) this.#claimTimes.push(now);
    this.#claimTimes = this.#claimTimes.filter((at) => at > now - rateLimit.intervalMs);
    if (this.#claimTimes.length > rateLimit.limit) this.#course.fail("more was claimed than the rate limit allows");
  }

  #holders(group: string): number {
    let holders = 0;
    for (const { start, holdsSlot, isForced } of this.#entries.values()) if (start.group === group && holdsSlot && !isForced) holders += 1;
    return holders;
  }
}
