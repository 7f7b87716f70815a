import type { LeaseToken } from "../model/lease.ts";
import { StoreUnavailableError } from "../model/store-errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { HolderNews, RenewReport } from "../ports/store-claim.ts";
import { TransientMap } from "./transient-map.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** The share of a lease that is trusted; the rest allows for clocks that do not run alike. */
const trustedShare = 0.9;

export interface LeaseKeeperOptions {
  readonly clock: Clock;
  readonly leaseMs: number;
  renew(leases: readonly LeaseToken[]): Promise<readonly RenewReport[]>;
  /** Nothing may be written under it any more. */
  lost(lease: WorkerLease, why: string): void;
  /** The store has something for its holder. */
  news(lease: WorkerLease, news: HolderNews): void;
  reportError(error: unknown): void;
}

/**
 * Holds the leases of a worker: renews all of them in one call every third of a lease, and lets go of one as soon as another worker may
 * have it, which is measured from before the store was asked.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #leases = new TransientMap<string, WorkerLease>();
  #renewal: unknown;
  #expiry: unknown;
  /** When the next look at what has run out is due. */
  #expiryAt = Number.POSITIVE_INFINITY;
  #armed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(id: string): WorkerLease | undefined {
    return this.#leases.get(id);
  }

  values(): WorkerLease[] {
    return this.#leases.values();
  }

  /** How long a lease counts that was asked for at this moment of the monotonic clock. */
  validUntil(sentAt: number): number {
    return sentAt + this.#options.leaseMs * trustedShare;
  }

  add(lease: WorkerLease): void {
    this.#leases.set(lease.id, lease);
    if (!this.#armed) {
      this.#armed = true;
      this.#armRenewal();
      this.#armExpiry();
    } else if (lease.validUntil < this.#expiryAt) {
      // Its claim was answered late, so that it ends before what is held already.
      this.#options.clock.clearTimeout(this.#expiry);
      this.#armExpiry();
    }
  }

  /** It was settled, or is lost. */
  remove(lease: WorkerLease): void {
    if (this.#leases.get(lease.id) !== lease) return;
    this.#leases.delete(lease.id);
    if (this.#leases.size === 0) this.stop();
  }

  /** Renews these now, which also tells what was stored for their holder. */
  async check(leases: readonly WorkerLease[]): Promise<void> {
    const { clock, renew, reportError } = this.#options;
    const asked = leases.filter(({ settling, lost }) => !settling && !lost);
    if (asked.length === 0) return;
    const sentAt = clock.monotonicNow();
    try {
      const reports = await renew(asked.map(({ id, fence }) => ({ id, fence })));
      for (const [index, lease] of asked.entries()) this.#take(lease, reports[index] as RenewReport, sentAt);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    }
  }

  stop(): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#renewal);
    clock.clearTimeout(this.#expiry);
    this.#armed = false;
  }

  #take(lease: WorkerLease, report: RenewReport, sentAt: number): void {
    if (this.#leases.get(lease.id) !== lease) return;
    if (report.held) {
      lease.validUntil = Math.max(lease.validUntil, this.validUntil(sentAt));
      this.#options.news(lease, report);
    } else if (!lease.settling && !lease.parking) this.#options.lost(lease, report.reason);
    // What is being settled may be gone because it is settled: that answer decides.
  }

  #armRenewal(): void {
    const { clock, leaseMs } = this.#options;
    this.#renewal = clock.setTimeout(() => {
      this.#armRenewal();
      void this.#renewAll();
    }, leaseMs / 3);
  }

  /** Those that are being settled, too: that may take long while the store is away. */
  async #renewAll(): Promise<void> {
    const { clock, renew, reportError } = this.#options;
    const leases = this.values();
    const sentAt = clock.monotonicNow();
    try {
      const reports = await renew(leases.map(({ id, fence }) => ({ id, fence })));
      for (const [index, lease] of leases.entries()) this.#take(lease, reports[index] as RenewReport, sentAt);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) reportError(error);
    }
  }

  #armExpiry(): void {
    const { clock } = this.#options;
    const next = this.values().reduce((least, { validUntil }) => Math.min(least, validUntil), Number.POSITIVE_INFINITY);
    this.#expiryAt = next;
    if (next === Number.POSITIVE_INFINITY) return;
    this.#expiry = clock.setTimeout(
      () => {
        const now = clock.monotonicNow();
        for (const lease of this.values()) {
          if (lease.validUntil <= now) this.#options.lost(lease, "it could not be renewed in time");
        }
        if (this.#armed) this.#armExpiry();
      },
      Math.max(0, next - clock.monotonicNow()),
    );
  }
}
