import { StoreUnavailableError } from "../model/store-errors.ts";
import type { SlotEntry, SlotReport } from "../ports/store-claim.ts";
import type { Patience } from "./durable-patience.ts";
import type { WorkerLease } from "./worker-lease.ts";
import type { WorkerParts } from "./worker-parts.ts";

interface WorkerSlotsOptions {
  readonly patience: Patience;
  change(entry: SlotEntry): Promise<SlotReport>;
  /** It waits for its group's limit to let it go on, and looks again after a while. */
  pause(): Promise<void>;
  reportError(error: unknown): void;
}

/** Undefined where groups are not limited. */
export function createWorkerSlots({ options, fleetOptions, patience, owner }: WorkerParts): WorkerSlots | undefined {
  const { store, name, pollMs = 500, maxConcurrentPerGroup } = options;
  const { maxOfGroup: groupLimit, reportError } = fleetOptions;
  if (maxConcurrentPerGroup === undefined) return undefined;
  return new WorkerSlots({
    patience,
    change: async (entry) => {
      const [report] = await store.changeSlots({ name, owner, groupLimit, entries: [entry] });
      return report as SlotReport;
    },
    pause: () => patience.wait(pollMs),
    reportError,
  });
}

/**
 * Keeps the places of waiting machines in their groups' limits, which are the store's, in step with their slots here: given up while it
 * waits, asked for before it goes on. Changes of one execution are written one after the other.
 */
export class WorkerSlots {
  readonly #options: WorkerSlotsOptions;
  readonly #writes = new WeakMap<WorkerLease, Promise<void>>();
  readonly #orders = new WeakMap<WorkerLease, number>();

  constructor(options: WorkerSlotsOptions) {
    this.#options = options;
  }

  /** Others of its group may run while it waits. */
  yield(lease: WorkerLease): void {
    this.#next(lease, async () => void (await this.#change(lease, "yield")));
  }

  /** Calls `then` when its group has room for it. */
  take(lease: WorkerLease, then: () => void): void {
    this.#next(lease, async () => {
      for (let report = await this.#change(lease, "take"); report !== undefined; report = await this.#change(lease, "take")) {
        if (report.changed) return then();
        // Whether a lease that the store refuses is lost the lease keeper finds out: with a clock that jumps it may be held again.
        if (lease.lost) return;
        await this.#options.pause();
      }
    });
  }

  /** It goes on already. */
  force(lease: WorkerLease): void {
    this.#next(lease, async () => void (await this.#change(lease, "force")));
  }

  #next(lease: WorkerLease, write: () => Promise<void>): void {
    if (lease.execution.group === undefined) return;
    const before = this.#writes.get(lease) ?? Promise.resolve();
    this.#writes.set(lease, before.then(write).catch(this.#options.reportError));
  }

  /** Undefined when there is nothing to write any more. */
  async #change(lease: WorkerLease, change: SlotEntry["change"]): Promise<SlotReport | undefined> {
    const { patience, change: write } = this.#options;
    const order = (this.#orders.get(lease) ?? 0) + 1;
    this.#orders.set(lease, order);
    for (let failures = 1; !lease.lost && !lease.settling && !patience.isOver; failures++) {
      try {
        return await write({ id: lease.id, fence: lease.fence, change, order });
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        await patience.pause(failures);
      }
    }
    return undefined;
  }
}
