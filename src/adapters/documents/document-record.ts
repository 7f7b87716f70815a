import type { NewExecution } from "../../model/stored-execution.ts";
import type { StoredSignal } from "../../ports/store-message.ts";
import { newRecord, type WholeRecord } from "../records/record-row.ts";
import { orderedNumber, readyGroup, readyOrder } from "./document-keys.ts";
import type { IndexName, IndexPlace } from "./document-table.ts";

/** Where a long text is: pieces of it, as documents of the same owner. */
export interface PieceRef {
  readonly ref: string;
  readonly pieces: number;
}

/** A text, or where it is. */
export type Body = string | PieceRef;

export interface MailedSignal extends StoredSignal {
  readonly token: string;
}

/** Of the events that are documents beside the record. */
export interface EventMark {
  /** Of the last one. */
  readonly fence: number;
  readonly ordinal: number;
  /** Up to here they are forgotten. */
  readonly dropped: number;
}

/** One execution as it is worked with. */
export interface DocumentRecord extends WholeRecord {
  /** Unread ones, and those whose repetition should still be known. */
  signals: readonly MailedSignal[];
  events: EventMark;
  /** Written, but not yet an execution that anybody sees: whether it becomes one is decided by its key or its batch. */
  pending?: { readonly batch?: string } | undefined;
  /** Texts that lie outside, whether they have been read or not. */
  readonly refs: Map<BodyField, PieceRef>;
}

export type BodyField = (typeof bodyFields)[number];

const bodyFields = [
  ...(["input", "settings", "retry", "trace", "progress", "result", "error", "checkpointBody"] as const),
  ...(["reason", "signals"] as const),
];

/** Nothing that lies outside, what decisions need, what lists show, and all. */
export type Depth = "bare" | "facts" | "summary" | "whole";

const neededBodies: Readonly<Record<Depth, readonly BodyField[]>> = {
  bare: [],
  facts: ["reason", "signals"],
  summary: ["reason", "signals", "progress", "result", "error"],
  whole: bodyFields,
};

const noEvents: EventMark = { fence: -1, ordinal: 0, dropped: 0 };

/** What is not written, because most records have it. */
const usual: Omit<WholeRecord, "name" | "id"> = {
  ...newRecord(
    "",
    { id: "", startToken: "", input: "", priority: 0, tags: [], maxAttempts: 0, maxTakeovers: 0, delayMs: 0, machineId: "" },
    0,
    0,
  ),
};

const isBody = new Set<string>(bodyFields);

export function startedRecord(
  name: string,
  start: NewExecution,
  position: number,
  now: number,
  pending?: { batch?: string },
): DocumentRecord {
  return { ...newRecord(name, start, position, now), signals: [], events: noEvents, refs: new Map(), pending };
}

interface RecordData {
  readonly row: Partial<WholeRecord>;
  readonly bodies: Partial<Record<BodyField, Body>>;
  readonly events?: EventMark;
  readonly pending?: { readonly batch?: string };
}

/** The text of a record; `outside` is asked for each of its texts that has to be written, and gives it back or says where it lies now. */
export function recordData(record: DocumentRecord, outside: (field: BodyField, text: string) => Body): string {
  const row: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(record)) {
    if (field in usual && !isBody.has(field) && value !== usual[field as keyof typeof usual]) row[field] = value;
  }
  row.id = record.id;
  const bodies: Partial<Record<BodyField, Body>> = {};
  for (const field of bodyFields) {
    const ref = record.refs.get(field);
    const text = bodyText(record, field);
    if (ref !== undefined) bodies[field] = ref;
    else if (text !== null) bodies[field] = outside(field, text);
  }
  const data: RecordData = {
    row,
    bodies,
    ...(record.events !== noEvents && { events: record.events }),
    ...(record.pending !== undefined && { pending: record.pending }),
  };
  return JSON.stringify(data);
}

function bodyText(record: DocumentRecord, field: BodyField): string | null {
  if (field !== "signals") return record[field];
  return record.signals.length === 0 ? null : JSON.stringify(record.signals);
}

/** A record as it was written; what lies outside and is needed is to be set with `setBody`. */
export function parseRecord(name: string, data: string, depth: Depth): { record: DocumentRecord; missing: [BodyField, PieceRef][] } {
  const { row, bodies, events = noEvents, pending } = JSON.parse(data) as RecordData;
  const record: DocumentRecord = { ...usual, ...row, name, signals: [], events, refs: new Map(), pending } as DocumentRecord;
  const missing: [BodyField, PieceRef][] = [];
  for (const [field, body] of Object.entries(bodies) as [BodyField, Body][]) {
    if (typeof body === "string") setBody(record, field, body);
    else {
      record.refs.set(field, body);
      if (neededBodies[depth].includes(field)) missing.push([field, body]);
    }
  }
  return { record, missing };
}

export function setBody(record: DocumentRecord, field: BodyField, text: string): void {
  if (field === "signals") record.signals = JSON.parse(text);
  else record[field] = text;
}

/** Where the indexes show it. */
export function placesOf(record: DocumentRecord): Partial<Record<IndexName, IndexPlace>> {
  if (record.pending !== undefined) return { work: { group: "pending", order: orderedNumber(record.queuedAt) } };
  const order = orderedNumber(record.sequence);
  const work = workPlace(record);
  return { status: { group: record.status, order }, order: { group: "all", order }, ...(work !== undefined && { work }) };
}

function workPlace(record: DocumentRecord): IndexPlace | undefined {
  const at = (group: string, instant: number | null) => (instant === null ? undefined : { group, order: orderedNumber(instant) });
  switch (record.phase) {
    case "ready":
      return { group: readyGroup(record.machineKey), order: readyOrder(record) };
    case "leased":
      return at("leased", record.leaseExpiresAt);
    case "final":
      return at("final", record.completedAt);
    default:
      return at("due", record.dueAt);
  }
}
