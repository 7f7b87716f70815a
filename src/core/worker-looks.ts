import { StoreUnavailableError } from "../model/store-errors.ts";
import type { StoredExecution } from "../model/stored-execution.ts";
import type { HolderNews } from "../ports/store-claim.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** Held executions that one look asks for at most; renewals tell about all. */
const maxLooks = 200;

export interface WorkerLooksOptions {
  leases(): WorkerLease[];
  get(ids: readonly string[]): Promise<readonly (StoredExecution | undefined)[]>;
  news(lease: WorkerLease, news: HolderNews): void;
  reportError(error: unknown): void;
}

/**
 * Finds out what was stored for the holder of leases when notices may have been missed. By reading: workers that write whenever others have
 * written would never come to rest.
 */
export class WorkerLooks {
  readonly #options: WorkerLooksOptions;
  #looking = false;
  #again = false;

  constructor(options: WorkerLooksOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    this.#again = true;
    if (this.#looking) return;
    this.#looking = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#lookAt(this.#options.leases().slice(0, maxLooks));
      }
    } catch (error) {
      // The next renewal tells the same.
      if (!(error instanceof StoreUnavailableError)) this.#options.reportError(error);
    } finally {
      this.#looking = false;
    }
  }

  async #lookAt(leases: readonly WorkerLease[]): Promise<void> {
    const { get, news } = this.#options;
    if (leases.length === 0) return;
    const records = await get(leases.map(({ id }) => id));
    for (const [index, lease] of leases.entries()) {
      const record = records[index];
      if (record?.fence !== lease.fence || lease.lost || lease.settling) continue;
      const { cancelRequestedAt, reason, lastSignal } = record;
      news(lease, { cancelRequested: cancelRequestedAt !== undefined, lastSignal, ...(reason !== undefined && { reason }) });
    }
  }
}
