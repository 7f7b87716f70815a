import type { StoredSignal } from "../../ports/store-message.ts";
import { type RecordChanges, type RecordRow, toStored } from "../records/record-row.ts";
import type { RecordEvent, RecordSpace } from "../records/record-space.ts";
import type { BodyField, DocumentRecord } from "./document-record.ts";

/** A space of one record, or none, that was read for one call: what the call changes is written afterwards, if nobody else has written since. */
export class DocumentSpace implements RecordSpace {
  turn: undefined;
  isChanged = false;
  /** To be written before the record, which then counts them in. */
  readonly newEvents: RecordEvent[] = [];
  readonly #record: DocumentRecord | undefined;
  readonly #nextPosition: () => number;

  constructor(record: DocumentRecord | undefined, nextPosition: () => number) {
    this.#record = record;
    this.#nextPosition = nextPosition;
  }

  find(id: string): RecordRow | undefined {
    return this.#record?.id === id ? this.#record : undefined;
  }

  whole(row: RecordRow) {
    return toStored(row as DocumentRecord);
  }

  change(row: RecordRow, changes: RecordChanges): void {
    const record = row as DocumentRecord;
    for (const field of Object.keys(changes)) record.refs.delete(field as BodyField);
    Object.assign(record, changes);
    this.isChanged = true;
  }

  changeAll(rows: readonly RecordRow[], changes: RecordChanges): void {
    for (const row of rows) this.change(row, changes);
  }

  nextPosition(): number {
    return this.#nextPosition();
  }

  dueBy(instant: number): RecordRow[] {
    const { phase, dueAt = null } = this.#record ?? {};
    return this.#only((phase === "delayed" || phase === "parked") && dueAt !== null && dueAt <= instant);
  }

  expiredBy(instant: number): RecordRow[] {
    const { phase, leaseExpiresAt = null } = this.#record ?? {};
    return this.#only(phase === "leased" && leaseExpiresAt !== null && leaseExpiresAt <= instant);
  }

  signalByToken(_row: RecordRow, token: string): number | undefined {
    return this.#record?.signals.find((signal) => signal.token === token)?.sequence;
  }

  addSignal(row: RecordRow, signal: StoredSignal & { readonly token: string }): void {
    this.#mail(row, [...(row as DocumentRecord).signals, signal]);
  }

  dropSignals(row: RecordRow, upTo: number, before: number): void {
    const { signals } = row as DocumentRecord;
    const kept = signals.filter(({ sequence, at }) => sequence > upTo || at >= before);
    if (kept.length < signals.length) this.#mail(row, kept);
  }

  signalsAfter(row: RecordRow, after: number, limit: number): StoredSignal[] {
    const unread = (row as DocumentRecord).signals.filter(({ sequence }) => sequence > after).slice(0, limit);
    return unread.map(({ sequence, at, body }) => ({ sequence, at, body }));
  }

  /** Under an older fence nothing is written any more, so the last one is enough to know. */
  lastOrdinal(row: RecordRow, fence: number): number | undefined {
    const { events } = row as DocumentRecord;
    return events.fence === fence ? events.ordinal : undefined;
  }

  addEvent(row: RecordRow, event: RecordEvent): void {
    const record = row as DocumentRecord;
    record.events = { ...record.events, fence: event.fence, ordinal: event.ordinal };
    this.newEvents.push(event);
    this.isChanged = true;
  }

  dropEvents(row: RecordRow, upTo: number): void {
    const record = row as DocumentRecord;
    if (upTo > record.events.dropped) record.events = { ...record.events, dropped: upTo };
  }

  // What looks at many records asks the indexes, not this.
  findByKey = (): undefined => undefined;
  add = (): boolean => false;
  remove(): void {}
  nextDueAt = (): undefined => undefined;
  nextExpiryAt = (): undefined => undefined;
  endedBefore = (): RecordRow[] => [];
  readyBy = (): string[] => [];
  counts = () => ({ queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, parked: 0 });
  readyCounts = (): { machineKey: string; count: number }[] => [];
  list = () => ({ items: [] });
  recallClaim = (): undefined => undefined;
  claimsAfter = (): { at: number; count: number }[] => [];
  recordClaims(): void {}
  eventsAfter = (): never[] => [];
  bucketAfter = (): undefined => undefined;
  levelAfter = (): undefined => undefined;
  oldest = (): RecordRow[] => [];
  holders = (): number => 0;

  #mail(row: RecordRow, signals: DocumentRecord["signals"]): void {
    const record = row as DocumentRecord;
    record.refs.delete("signals");
    record.signals = signals;
    this.isChanged = true;
  }

  #only(matches: boolean): RecordRow[] {
    return matches ? [this.#record as DocumentRecord] : [];
  }
}
