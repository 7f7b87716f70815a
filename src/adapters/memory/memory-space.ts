import sortedBtree from "sorted-btree";
import type { ReadyBucket, Turn } from "../../model/claim-plan.ts";
import type { NewExecution } from "../../model/stored-execution.ts";
import type { ListRequest, StoredPage } from "../../ports/execution-store.ts";
import type { StoredSignal } from "../../ports/store-message.ts";
import { newRecord, type RecordChanges, type RecordRow, toStored, toSummary, type WholeRecord } from "../records/record-row.ts";
import type { RecordEvent, RecordSpace } from "../records/record-space.ts";

// The package is CommonJS: its class is the default export for some bundlers and a member of it for Node.
const BTree = "default" in sortedBtree ? sortedBtree.default : (sortedBtree as never);

interface MemoryRecord extends WholeRecord {
  signals: (StoredSignal & { readonly token: string })[];
  events: RecordEvent[];
}

type Index = InstanceType<typeof BTree<MemoryRecord, undefined>>;

/** How many claims are remembered, in case they are repeated. */
const maxClaims = 10_000;

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const byBucket = (a: ReadyBucket, b: ReadyBucket) =>
  a.lane - b.lane || a.rank - b.rank || byText(a.machineKey, b.machineKey) || byText(a.group, b.group);
const byInstant = (field: "dueAt" | "leaseExpiresAt" | "completedAt") => (a: MemoryRecord, b: MemoryRecord) =>
  (a[field] as number) - (b[field] as number) || a.sequence - b.sequence;

/** Records in the memory of the process, each in exactly the index that its phase asks for. */
export class MemorySpace implements RecordSpace {
  turn: Turn | undefined;
  readonly #name: string;
  readonly #records = new Map<string, MemoryRecord>();
  readonly #byKey = new Map<string, MemoryRecord>();
  readonly #order: Index = new BTree(undefined, (a: MemoryRecord, b: MemoryRecord) => a.sequence - b.sequence);
  readonly #ready: Index = new BTree(undefined, (a: MemoryRecord, b: MemoryRecord) => byBucket(a, b) || a.position - b.position);
  readonly #due: Index = new BTree(undefined, byInstant("dueAt"));
  readonly #leased: Index = new BTree(undefined, byInstant("leaseExpiresAt"));
  readonly #finished: Index = new BTree(undefined, byInstant("completedAt"));
  readonly #claims = new Map<string, { readonly record: MemoryRecord; readonly fence: number }[]>();
  #claimTimes: { at: number; count: number }[] = [];
  readonly #holders = new Map<string, number>();
  readonly #statuses = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, parked: 0 };
  #lastPosition = 0;

  constructor(name: string) {
    this.#name = name;
  }

  find(id: string): RecordRow | undefined {
    return this.#records.get(id);
  }

  findByKey(idempotencyKey: string): RecordRow | undefined {
    return this.#byKey.get(idempotencyKey);
  }

  whole(row: RecordRow) {
    return toStored(row as MemoryRecord);
  }

  add(start: NewExecution, now: number): boolean {
    const { id, idempotencyKey } = start;
    if (this.#records.has(id) || (idempotencyKey !== undefined && this.#byKey.has(idempotencyKey))) return false;
    const record: MemoryRecord = { ...newRecord(this.#name, start, this.nextPosition(), now), signals: [], events: [] };
    this.#records.set(record.id, record);
    if (record.idempotencyKey !== null) this.#byKey.set(record.idempotencyKey, record);
    this.#order.set(record, undefined);
    this.#enter(record);
    return true;
  }

  change(row: RecordRow, changes: RecordChanges): void {
    this.#leave(row as MemoryRecord);
    Object.assign(row, changes);
    this.#enter(row as MemoryRecord);
    if (typeof changes.claimId === "string") this.#rememberClaim(changes.claimId, row as MemoryRecord);
  }

  changeAll(rows: readonly RecordRow[], changes: RecordChanges): void {
    for (const row of rows) this.change(row, changes);
  }

  remove(row: RecordRow): void {
    this.#leave(row as MemoryRecord);
    this.#records.delete(row.id);
    if (row.idempotencyKey !== null) this.#byKey.delete(row.idempotencyKey);
    this.#order.delete(row as MemoryRecord);
  }

  nextPosition(): number {
    this.#lastPosition += 1;
    return this.#lastPosition;
  }

  holders(group: string): number {
    return this.#holders.get(group) ?? 0;
  }

  bucketAfter(bucket: ReadyBucket): ReadyBucket | undefined {
    return this.#ready.nextHigherKey({ ...bucket, position: Number.POSITIVE_INFINITY } as MemoryRecord);
  }

  levelAfter(lane: number, rank: number): ReadyBucket | undefined {
    // No text sorts after this one that a machine's key can be.
    return this.bucketAfter({ lane, rank, machineKey: "\uffff", group: "\uffff" });
  }

  oldest(bucket: ReadyBucket, skip: number, count: number): RecordRow[] {
    const found: RecordRow[] = [];
    let seen = 0;
    for (const record of this.#ready.keys({ ...bucket, position: 0 } as MemoryRecord)) {
      if (byBucket(record, bucket) !== 0 || found.length === count) break;
      seen += 1;
      if (seen > skip) found.push(record);
    }
    return found;
  }

  dueBy(instant: number, limit: number): RecordRow[] {
    return firstOf(this.#due, ({ dueAt }) => (dueAt as number) <= instant, limit);
  }

  nextDueAt(): number | undefined {
    return this.#due.minKey()?.dueAt ?? undefined;
  }

  expiredBy(instant: number, limit: number): RecordRow[] {
    return firstOf(this.#leased, ({ leaseExpiresAt }) => (leaseExpiresAt as number) <= instant, limit);
  }

  nextExpiryAt(): number | undefined {
    return this.#leased.minKey()?.leaseExpiresAt ?? undefined;
  }

  endedBefore(instant: number, limit: number): RecordRow[] {
    return firstOf(this.#finished, ({ completedAt }) => (completedAt as number) < instant, limit);
  }

  readyBy(instant: number, limit: number): string[] {
    const ready = [...this.#ready.keys()].filter(({ readySince }) => readySince <= instant);
    return ready
      .sort((a, b) => a.readySince - b.readySince || a.position - b.position)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  counts() {
    return this.#statuses;
  }

  *readyCounts() {
    for (const { machineKey } of this.#ready.keys()) yield { machineKey, count: 1 };
  }

  list({ status, group, tag, order, limit, cursor }: ListRequest): StoredPage {
    const found: MemoryRecord[] = [];
    for (const record of order === "newest" ? this.#startedBefore(cursor) : this.#startedAfter(cursor)) {
      if ((status !== undefined && record.status !== status) || (group !== undefined && record.group !== group)) continue;
      if (tag !== undefined && !(JSON.parse(record.tags) as string[]).includes(tag)) continue;
      found.push(record);
      if (found.length > limit) break;
    }
    const page = found.slice(0, limit);
    return { items: page.map(toSummary), ...(found.length > limit && { nextCursor: String(page.at(-1)?.sequence) }) };
  }

  #startedAfter(cursor = "0"): Iterable<MemoryRecord> {
    return this.#order.keys({ sequence: Number(cursor) + 1 } as MemoryRecord);
  }

  *#startedBefore(cursor: string | undefined): Iterable<MemoryRecord> {
    const from = cursor === undefined ? undefined : ({ sequence: Number(cursor) } as MemoryRecord);
    for (const [record] of this.#order.entriesReversed(from, undefined, true)) yield record;
  }

  recallClaim(claimId: string): RecordRow[] | undefined {
    const taken = this.#claims.get(claimId);
    return taken?.filter(({ record, fence }) => record.fence === fence && record.phase === "leased").map(({ record }) => record);
  }

  claimsAfter(instant: number) {
    this.#claimTimes = this.#claimTimes.filter(({ at }) => at > instant);
    return this.#claimTimes;
  }

  recordClaims(at: number, count: number): void {
    this.#claimTimes.push({ at, count });
  }

  signalByToken(row: RecordRow, token: string): number | undefined {
    return (row as MemoryRecord).signals.find((signal) => signal.token === token)?.sequence;
  }

  addSignal(row: RecordRow, signal: StoredSignal & { readonly token: string }): void {
    (row as MemoryRecord).signals.push(signal);
  }

  dropSignals(row: RecordRow, upTo: number, before: number): void {
    const record = row as MemoryRecord;
    if (record.signals.length > 0) record.signals = record.signals.filter(({ sequence, at }) => sequence > upTo || at >= before);
  }

  signalsAfter(row: RecordRow, after: number, limit: number) {
    const unread = (row as MemoryRecord).signals.filter(({ sequence }) => sequence > after).slice(0, limit);
    return unread.map(({ sequence, at, body }) => ({ sequence, at, body }));
  }

  lastOrdinal(row: RecordRow, fence: number): number | undefined {
    return (row as MemoryRecord).events.findLast((event) => event.fence === fence)?.ordinal;
  }

  addEvent(row: RecordRow, event: RecordEvent): void {
    (row as MemoryRecord).events.push(event);
  }

  dropEvents(row: RecordRow, upTo: number): void {
    const record = row as MemoryRecord;
    record.events = record.events.filter(({ sequence }) => sequence > upTo);
  }

  eventsAfter(row: RecordRow, after: number, limit: number) {
    const found = (row as MemoryRecord).events.filter(({ sequence }) => sequence > after).slice(0, limit);
    return found.map(({ sequence, at, body }) => ({ sequence, at, body }));
  }

  #enter(record: MemoryRecord): void {
    this.#indexOf(record)?.set(record, undefined);
    this.#count(record, 1);
  }

  #leave(record: MemoryRecord): void {
    this.#indexOf(record)?.delete(record);
    this.#count(record, -1);
  }

  #rememberClaim(claimId: string, record: MemoryRecord): void {
    const taken = this.#claims.get(claimId);
    if (taken === undefined) this.#claims.set(claimId, [{ record, fence: record.fence }]);
    else taken.push({ record, fence: record.fence });
    if (this.#claims.size <= maxClaims) return;
    for (const oldest of this.#claims.keys()) {
      this.#claims.delete(oldest);
      break;
    }
  }

  #count(record: MemoryRecord, by: 1 | -1): void {
    this.#statuses[record.status] += by;
    if (record.status === "running" && record.phase !== "leased") this.#statuses.parked += by;
    if (record.holdsSlot === 0 || record.group === "") return;
    const holders = this.holders(record.group) + by;
    if (holders === 0) this.#holders.delete(record.group);
    else this.#holders.set(record.group, holders);
  }

  #indexOf(record: MemoryRecord): Index | undefined {
    switch (record.phase) {
      case "ready":
        return this.#ready;
      case "leased":
        return this.#leased;
      case "final":
        return this.#finished;
      default:
        return record.dueAt === null ? undefined : this.#due;
    }
  }
}

function firstOf(index: Index, matches: (record: MemoryRecord) => boolean, limit: number): MemoryRecord[] {
  const found: MemoryRecord[] = [];
  for (const record of index.keys()) {
    if (found.length >= limit || !matches(record)) break;
    found.push(record);
  }
  return found;
}
