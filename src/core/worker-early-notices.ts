import type { StoreNotice } from "../ports/store-message.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** Notices since the claim that is under way was sent: they may be about what it brings, and come before its answer. */
export class WorkerEarlyNotices {
  readonly #ids = new Set<string>();
  #mayBeMore = false;

  add(notice: StoreNotice): void {
    if (notice.type === "missed") this.#mayBeMore = true;
    else if (notice.type === "cancelRequested" || notice.type === "signalled") for (const id of notice.ids) this.#ids.add(id);
  }

  /** Which of those that a claim has brought may have news that its answer does not tell. */
  about(leases: readonly WorkerLease[]): WorkerLease[] {
    return leases.filter(({ id }) => this.#mayBeMore || this.#ids.has(id));
  }

  /** No claim is under way any more. */
  clear(): void {
    this.#ids.clear();
    this.#mayBeMore = false;
  }
}
