import { AdmissionQueue } from "./admission-queue.ts";
import type { ExecutionRecord, ExecutionRequest } from "./execution-record.ts";
import { type RateLimit, RateLimiter } from "./rate-limiter.ts";

export interface AdmissionLimits {
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly rateLimit: RateLimit | undefined;
}

/** Who holds a slot, who waits for one, and whether there is room for more. */
export class Admission {
  maxConcurrent: number;
  readonly maxQueued: number;
  readonly #queue = new AdmissionQueue<ExecutionRecord>();
  readonly #rate: RateLimiter | undefined;
  readonly #now: () => number;
  #taken = 0;

  constructor(limits: AdmissionLimits, monotonicNow: () => number) {
    this.maxConcurrent = limits.maxConcurrent;
    this.maxQueued = limits.maxQueued;
    this.#rate = limits.rateLimit && new RateLimiter(limits.rateLimit);
    this.#now = monotonicNow;
  }

  /** Slots that are held; above `maxConcurrent` when it was lowered, or when some came back from waiting by themselves. */
  get taken(): number {
    return this.#taken;
  }

  /** Joins the end of its equals. */
  push(record: ExecutionRecord): void {
    this.#queue.push(record);
  }

  /** It wants no slot any more. */
  remove(record: ExecutionRecord): void {
    this.#queue.remove(record);
  }

  /** Gives the next slot to the next in turn. Those that come back are served also when nothing queued is to be. */
  next(servesQueued: boolean): ExecutionRecord | undefined {
    const record = this.#nextInTurn();
    if (record === undefined) return undefined;
    if (!record.returning) {
      if (!servesQueued || this.rateWaitMs() > 0) return undefined;
      this.#rate?.record(this.#now());
    }
    this.#queue.serve(record);
    this.#taken += 1;
    record.holdsSlot = true;
    return record;
  }

  /** Counts one that went on without being asked. */
  take(record: ExecutionRecord): void {
    this.#queue.take(record);
    this.#taken += 1;
    record.holdsSlot = true;
  }

  free(record: ExecutionRecord): void {
    if (!record.holdsSlot) return;
    record.holdsSlot = false;
    this.#taken -= 1;
    this.#queue.release(record);
  }

  /** Milliseconds until the rate limit lets the next one begin; 0 when it is not the rate limit that holds it. */
  rateWaitMs(): number {
    const head = this.#nextInTurn();
    return head === undefined || head.returning || this.#rate === undefined ? 0 : this.#rate.waitMs(this.#now());
  }

  /** How many of these would get a slot at once, if nobody who waits could have one. */
  room(requests: readonly ExecutionRequest[]): number {
    const free = Math.max(0, this.maxConcurrent - this.#taken);
    const allowed = Math.min(free, this.#rate?.room(this.#now(), free) ?? free);
    if (allowed === 0) return 0;
    const roomLeft = new Map<string | undefined, number>();
    let room = 0;
    for (const request of requests) {
      const left = roomLeft.get(request.group) ?? this.#queue.roomOf(request);
      if (request.delayMs > 0 || left === 0) continue;
      roomLeft.set(request.group, left - 1);
      room += 1;
    }
    return Math.min(room, allowed);
  }

  #nextInTurn(): ExecutionRecord | undefined {
    return this.#taken < this.maxConcurrent ? this.#queue.peek() : undefined;
  }
}
