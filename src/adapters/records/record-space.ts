import type { ReadySource, Turn } from "../../model/claim-plan.ts";
import type { JsonText } from "../../model/json-text.ts";
import type { NewExecution, StoredExecution } from "../../model/stored-execution.ts";
import type { ListRequest, StoredCounts, StoredPage } from "../../ports/execution-store.ts";
import type { StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import type { Settlement } from "../../ports/store-settle.ts";
import type { RecordChanges, RecordRow } from "./record-row.ts";

/** A stored event with what tells its repetition. */
export interface RecordEvent extends StoredEvent {
  readonly fence: number;
  readonly ordinal: number;
}

/**
 * The records of one coordinator's name, where reading and changing them is synchronous. The promises of `ExecutionStore` are kept by the
 * functions beside this file; a space only has to find and keep.
 */
export interface RecordSpace extends ReadySource<RecordRow> {
  /** Where the last claim ended. */
  turn: Turn | undefined;
  find(id: string): RecordRow | undefined;
  findByKey(idempotencyKey: string): RecordRow | undefined;
  whole(row: RecordRow): StoredExecution;
  /** False, and nothing is added, when its id or its key is taken. */
  add(start: NewExecution, now: number): boolean;
  change(row: RecordRow, changes: RecordChanges): void;
  /** The same changes to several rows that are equal in status and phase. */
  changeAll(rows: readonly RecordRow[], changes: RecordChanges): void;
  /**
   * Completes what is held under this lease, without reading it first; false, and nothing is changed, when it is not held, a cancel is
   * stored, or it takes more than that. Left out where reading costs nothing.
   */
  completeIfHeld?(settlement: Settlement, result: JsonText | null, owner: string, now: number): boolean;
  remove(row: RecordRow): void;
  /** Higher than every position and sequence before. */
  nextPosition(): number;
  /** Delayed and parked ones that are due by then, earliest first. */
  dueBy(instant: number, limit: number): readonly RecordRow[];
  nextDueAt(): number | undefined;
  /** Leased ones whose lease ends by then, earliest first. */
  expiredBy(instant: number, limit: number): readonly RecordRow[];
  nextExpiryAt(): number | undefined;
  /** Final ones that ended before then, earliest first. */
  endedBefore(instant: number, limit: number): readonly RecordRow[];
  readyBy(instant: number, limit: number): readonly string[];
  counts(): Omit<StoredCounts, "total" | "unclaimable">;
  readyCounts(): Iterable<{ readonly machineKey: string; readonly count: number }>;
  list(request: ListRequest): StoredPage;

  /** What the claim with this id took, as far as it is still held under it; undefined for one that is not known any more. */
  recallClaim(claimId: string): readonly RecordRow[] | undefined;
  /** Claims that count against a rate, oldest first. */
  claimsAfter(instant: number): readonly { readonly at: number; readonly count: number }[];
  recordClaims(at: number, count: number): void;

  signalByToken(row: RecordRow, token: string): number | undefined;
  addSignal(row: RecordRow, signal: StoredSignal & { readonly token: string }): void;
  /** Removes signals up to this number that are older than this instant. */
  dropSignals(row: RecordRow, upTo: number, before: number): void;
  signalsAfter(row: RecordRow, sequence: number, limit: number): readonly StoredSignal[];

  lastOrdinal(row: RecordRow, fence: number): number | undefined;
  addEvent(row: RecordRow, event: RecordEvent): void;
  dropEvents(row: RecordRow, upTo: number): void;
  eventsAfter(row: RecordRow, sequence: number, limit: number): readonly StoredEvent[];
}
