import sortedBtree from "sorted-btree";
import { machineKey, type NewExecution } from "../../model/stored-execution.ts";
import type { ReadyBucket, ReadySource, Turn } from "../../model/claim-plan.ts";
import type { MemoryRow } from "./memory-row.ts";

// The package is CommonJS: its class is the default export for some bundlers and a member of it for Node.
const BTree = "default" in sortedBtree ? sortedBtree.default : (sortedBtree as never);
type Index = InstanceType<typeof BTree<MemoryRow, undefined>>;

const byAge = (a: MemoryRow, b: MemoryRow) => a.position - b.position;
const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const byBucket = (a: ReadyBucket, b: ReadyBucket) => a.lane - b.lane || a.rank - b.rank || byText(a.machineKey, b.machineKey) || byText(a.group, b.group);
const byInstant = (field: "dueAt" | "leaseExpiresAt" | "completedAt") => (a: MemoryRow, b: MemoryRow) =>
  (a[field] as number) - (b[field] as number) || a.sequence - b.sequence;

/** The records of one coordinator's name, each in exactly the indexes that its phase asks for. */
export class MemorySpace implements ReadySource<MemoryRow> {
  readonly rows = new Map<string, MemoryRow>();
  readonly byKey = new Map<string, MemoryRow>();
  readonly order: Index = new BTree(undefined, (a: MemoryRow, b: MemoryRow) => a.sequence - b.sequence);
  readonly due: Index = new BTree(undefined, byInstant("dueAt"));
  readonly leased: Index = new BTree(undefined, byInstant("leaseExpiresAt"));
  readonly finished: Index = new BTree(undefined, byInstant("completedAt"));
  /** What each claim got, so that its repetition gets the same. */
  readonly claims = new Map<string, { readonly at: number; readonly fences: ReadonlyMap<string, number> }>();
  readonly claimTimes: { at: number; count: number }[] = [];
  turn: Turn | undefined;
  queued = 0;
  parked = 0;
  readonly #ready: Index = new BTree(undefined, (a: MemoryRow, b: MemoryRow) => byBucket(a, b) || byAge(a, b));
  readonly #holders = new Map<string, number>();
  #lastPosition = 0;

  add(start: NewExecution, now: number): MemoryRow {
    const position = this.nextPosition();
    const dueAt = start.delayMs > 0 ? now + start.delayMs : undefined;
    const row: MemoryRow = {
      start: { ...start, tags: [...start.tags] },
      sequence: position,
      rank: -start.priority,
      group: start.group ?? "",
      queuedAt: now,
      status: "queued",
      phase: dueAt === undefined ? "ready" : "delayed",
      lane: 1,
      position,
      readySince: now,
      machineKey: machineKey(start.machineId, start.machineVersion),
      machineVersion: start.machineVersion,
      attempt: 0,
      attemptStep: 1,
      takeovers: 0,
      fence: 0,
      settledFence: 0,
      owner: undefined,
      leaseExpiresAt: undefined,
      holdsSlot: false,
      dueAt,
      startedAt: undefined,
      completedAt: undefined,
      cancelRequestedAt: undefined,
      cancelToken: undefined,
      reason: undefined,
      lastSignal: 0,
      consumedSignal: 0,
      signals: [],
      lastEvent: 0,
      events: [],
      progress: undefined,
      result: undefined,
      error: undefined,
      abandoned: undefined,
      checkpoint: undefined,
    };
    this.rows.set(start.id, row);
    if (start.idempotencyKey !== undefined) this.byKey.set(start.idempotencyKey, row);
    this.order.set(row, undefined);
    this.#enter(row);
    return row;
  }

  remove(row: MemoryRow): void {
    this.#leave(row);
    this.rows.delete(row.start.id);
    if (row.start.idempotencyKey !== undefined) this.byKey.delete(row.start.idempotencyKey);
    this.order.delete(row);
  }

  /** Every change of a field that an index looks at goes through here. */
  change(row: MemoryRow, changes: Partial<MemoryRow>): void {
    this.#leave(row);
    Object.assign(row, changes);
    this.#enter(row);
  }

  nextPosition(): number {
    this.#lastPosition += 1;
    return this.#lastPosition;
  }

  holders(group: string): number {
    return this.#holders.get(group) ?? 0;
  }

  bucketAfter(bucket: ReadyBucket): ReadyBucket | undefined {
    return this.#ready.nextHigherKey({ ...bucket, position: Number.POSITIVE_INFINITY } as MemoryRow);
  }

  levelAfter(lane: number, rank: number): ReadyBucket | undefined {
    // No text sorts after this one that a machine's key can be.
    return this.bucketAfter({ lane, rank: lane < 0 ? Number.POSITIVE_INFINITY : rank, machineKey: "\uffff", group: "\uffff" });
  }

  oldest(bucket: ReadyBucket, skip: number, count: number): MemoryRow[] {
    const found: MemoryRow[] = [];
    let seen = 0;
    for (const row of this.#ready.keys({ ...bucket, position: 0 } as MemoryRow)) {
      if (byBucket(row, bucket) !== 0 || found.length === count) break;
      seen += 1;
      if (seen > skip) found.push(row);
    }
    return found;
  }

  ready(): Iterable<MemoryRow> {
    return this.#ready.keys();
  }

  #enter(row: MemoryRow): void {
    this.#indexOf(row)?.set(row, undefined);
    this.#count(row, 1);
  }

  #leave(row: MemoryRow): void {
    this.#indexOf(row)?.delete(row);
    this.#count(row, -1);
  }

  #count(row: MemoryRow, by: 1 | -1): void {
    if (row.status === "queued") this.queued += by;
    if (row.status === "running" && row.phase !== "leased") this.parked += by;
    if (!row.holdsSlot || row.group === "") return;
    const holders = this.holders(row.group) + by;
    if (holders === 0) this.#holders.delete(row.group);
    else this.#holders.set(row.group, holders);
  }

  #indexOf(row: MemoryRow): Index | undefined {
    switch (row.phase) {
      case "ready":
        return this.#ready;
      case "leased":
        return this.leased;
      case "final":
        return this.finished;
      default:
        return row.dueAt === undefined ? undefined : this.due;
    }
  }
}
