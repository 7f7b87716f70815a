import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { ClaimReport, ClaimRequest } from "../../ports/store-claim.ts";
import type { SettleReport, SettleRequest } from "../../ports/store-settle.ts";

interface WaitingSettle {
  readonly request: SettleRequest;
  resolve(reports: readonly SettleReport[] | Promise<readonly SettleReport[]>): void;
  reject(error: unknown): void;
}

/** How they are written. */
export interface SettleClaimWrites {
  /** Whether one write can do this claim, too. */
  fits(request: ClaimRequest): boolean;
  settle(request: SettleRequest): Promise<readonly SettleReport[]>;
  claim(request: ClaimRequest): Promise<ClaimReport>;
  both(settle: SettleRequest, claim: ClaimRequest): Promise<{ reports: readonly SettleReport[]; report: ClaimReport }>;
}

/**
 * A worker that settles and claims in the same tick gets both with one statement, one round trip and one commit. What is not asked for in
 * the same tick is written by itself.
 */
export class SettleClaimPairs {
  readonly #writes: SettleClaimWrites;
  #waiting: WaitingSettle | undefined;

  constructor(writes: SettleClaimWrites) {
    this.#writes = writes;
  }

  settle(request: SettleRequest): Promise<readonly SettleReport[]> {
    this.#settleAlone();
    return new Promise((resolve, reject) => {
      const waiting = { request, resolve, reject };
      this.#waiting = waiting;
      queueMicrotask(() => this.#waiting === waiting && this.#settleAlone());
    });
  }

  claim(request: ClaimRequest): Promise<ClaimReport> {
    const waiting = this.#waiting;
    const fits = this.#writes.fits(request) && waiting?.request.name === request.name && waiting.request.owner === request.owner;
    if (waiting === undefined || !fits) return this.#writes.claim(request);
    this.#waiting = undefined;
    return this.#both(waiting, request);
  }

  #settleAlone(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(this.#writes.settle(waiting.request));
  }

  async #both(waiting: WaitingSettle, request: ClaimRequest): Promise<ClaimReport> {
    try {
      const { reports, report } = await this.#writes.both(waiting.request, request);
      waiting.resolve(reports);
      return report;
    } catch (error) {
      if (error instanceof StoreUnavailableError) {
        waiting.reject(error);
        throw error;
      }
      // One of them is at fault; nothing was written.
      waiting.resolve(this.#writes.settle(waiting.request));
      return this.#writes.claim(request);
    }
  }
}
