import { maxSpanMs } from "../model/option-check.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type {
  CheckpointEntry,
  CheckpointReport,
  NewCheckpoint,
  ParkEntry,
  ParkReport,
  Settlement,
  SettleReport,
} from "../ports/store-settle.ts";
import type { Patience } from "./durable-patience.ts";
import { WriteBatch } from "./durable-write-batch.ts";
import type { WorkerLease } from "./worker-lease.ts";

/** Leases that one write is about at most. */
const maxWrites = 500;

export interface WorkerWritesOptions {
  readonly store: ExecutionStore;
  readonly name: string;
  readonly owner: string;
  readonly patience: Patience;
  isValid(lease: WorkerLease): boolean;
  /** The store has just been asked to settle these. */
  settling(leases: readonly WorkerLease[], answer: Promise<unknown>): void;
}

interface Write<Item> {
  readonly lease: WorkerLease;
  readonly item: Item;
}

/** What a worker writes under its leases, that of one tick together; repeated until the store answers, or the lease is over. */
export class WorkerWrites {
  readonly #settlements: WriteBatch<Write<Settlement>, SettleReport>;
  readonly #checkpoints: WriteBatch<Write<CheckpointEntry>, CheckpointReport>;
  readonly #parks: WriteBatch<Write<ParkEntry>, ParkReport>;

  constructor({ store, name, owner, patience, isValid, settling }: WorkerWritesOptions) {
    const batch = { patience, maxSize: maxWrites, goesOn: () => true };
    this.#settlements = new WriteBatch<Write<Settlement>, SettleReport>({
      ...batch,
      atOnce: store.capabilities.writesAtOnce ?? 1,
      write(writes) {
        const answer = store.settle({ name, owner, settlements: writes.map(({ item }) => item) });
        settling(
          writes.map(({ lease }) => lease),
          answer,
        );
        return answer;
      },
      withdrawn: ({ lease }) => (isValid(lease) ? undefined : { settled: false, reason: "expired" }),
    });
    this.#checkpoints = new WriteBatch<Write<CheckpointEntry>, CheckpointReport>({
      ...batch,
      write: (writes) => store.checkpoint({ name, owner, entries: writes.map(({ item }) => item) }),
      withdrawn: ({ lease }) => (isValid(lease) ? undefined : { saved: false, reason: "expired" }),
    });
    this.#parks = new WriteBatch<Write<ParkEntry>, ParkReport>({
      ...batch,
      write: (writes) => store.park({ name, owner, entries: writes.map(({ item }) => item) }),
      withdrawn: ({ lease }) => (isValid(lease) ? undefined : { parked: false, reason: "expired" }),
    });
  }

  settle(lease: WorkerLease, item: Settlement): Promise<SettleReport> {
    return this.#settlements.add({ lease, item });
  }

  /** Saves what the lease's progress is now, and the checkpoint, where there is one. */
  async save(lease: WorkerLease, checkpoint: NewCheckpoint | undefined): Promise<CheckpointReport> {
    const { id, fence } = lease;
    return this.#checkpoints.add({ lease, item: { id, fence, ...progressOf(lease), ...(checkpoint !== undefined && { checkpoint }) } });
  }

  async park(lease: WorkerLease, checkpoint: NewCheckpoint, wakeInMs: number | undefined): Promise<ParkReport> {
    const { id, fence } = lease;
    const item = { id, fence, checkpoint, ...progressOf(lease), ...(wakeInMs !== undefined && { wakeInMs: toStoredSpan(wakeInMs) }) };
    return this.#parks.add({ lease, item });
  }
}

/** Never too early. */
function toStoredSpan(ms: number): number {
  return Math.min(Math.ceil(ms), maxSpanMs);
}

function progressOf(lease: WorkerLease): { progress?: string } {
  const { progress, progressUnsaved } = lease;
  lease.progressUnsaved = false;
  return progressUnsaved && progress !== undefined ? { progress } : {};
}
