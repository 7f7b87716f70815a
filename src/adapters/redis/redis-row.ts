import type { NewExecution, StoredExecution, StoredExecutionSummary } from "../../model/stored-execution.ts";
import { toStored, toSummary, type WholeRecord } from "../records/record-row.ts";
import { unpackArray } from "./message-pack.ts";

/** The part of a record that scripts decide on, in the order in which it is packed. A field may be added at the end only. */
export const rowFields = [
  "sequence",
  "queuedAt",
  "startToken",
  "inputHash",
  "idempotencyKey",
  "rank",
  "group",
  "machineId",
  "machineKey",
  "machineVersion",
  "maxTakeovers",
  "tags",
  "status",
  "phase",
  "lane",
  "position",
  "readySince",
  "attempt",
  "attemptStep",
  "takeovers",
  "fence",
  "settledFence",
  "owner",
  "leaseExpiresAt",
  "holdsSlot",
  "dueAt",
  "startedAt",
  "completedAt",
  "cancelRequestedAt",
  "cancelToken",
  "reason",
  "lastSignal",
  "consumedSignal",
  "lastEvent",
  "checkpointRevision",
  "abandoned",
  "hasError",
  "slotOrder",
] as const;

type RowField = (typeof rowFields)[number];
type Row = Record<RowField, string | number | null>;

/** What no script looks at, as JSON beside the row. Unlimited counts are null. */
type Fixed = readonly [
  priority: number,
  tags: readonly string[],
  maxAttempts: number | null,
  maxTakeovers: number | null,
  timeoutMs: number | null,
  machineVersion: string | null,
  settings: string | null,
  retry: string | null,
  trace: string | null,
];

export function toFixed(start: NewExecution): string {
  const fixed: Fixed = [
    start.priority === 0 ? 0 : start.priority,
    start.tags,
    start.maxAttempts,
    start.maxTakeovers,
    start.timeoutMs ?? null,
    start.machineVersion ?? null,
    start.settings ?? null,
    start.retry ?? null,
    start.trace ?? null,
  ];
  return JSON.stringify(fixed);
}

/** A priority as sixteen letters whose order is that of claims: higher ones come first. */
export function toRank(priority: number): string {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, priority === 0 ? 0 : -priority);
  const bits = view.getBigUint64(0);
  const sign = 1n << 63n;
  const ordered = bits & sign ? ~bits & ((1n << 64n) - 1n) : bits | sign;
  return ordered.toString(16).padStart(16, "0");
}

/** Parts of a record's hash, in the order of `bodyFields`. */
export type RecordParts = readonly [row: Buffer, fixed: Buffer, ...bodies: (Buffer | null)[]];

function textOf(part: Buffer | null | undefined): string | null {
  return part === null || part === undefined || part.length === 0 ? null : part.toString();
}

/** Parts are: row, fixed, input, progress, error, checkpoint, result; what is not needed may be missing. */
function toRecord(name: string, id: string, parts: RecordParts): WholeRecord {
  const values = unpackArray(parts[0]);
  const row = {} as Row;
  for (let index = 0; index < rowFields.length; index++) row[rowFields[index] as RowField] = values[index] ?? null;
  const [priority, tags, maxAttempts, maxTakeovers, timeoutMs, machineVersion, settings, retry, trace] = JSON.parse(
    parts[1].toString(),
  ) as Fixed;
  return {
    ...(row as unknown as WholeRecord),
    name,
    id,
    rank: -priority,
    tags: tags.length === 0 ? "[]" : JSON.stringify(tags),
    maxAttempts: maxAttempts ?? Number.POSITIVE_INFINITY,
    maxTakeovers: maxTakeovers ?? Number.POSITIVE_INFINITY,
    timeoutMs,
    machineVersion: (row.machineVersion as string | null) ?? machineVersion,
    settings,
    retry,
    trace,
    claimId: null,
    input: textOf(parts[2]) ?? "",
    progress: textOf(parts[3]),
    error: textOf(parts[4]),
    checkpointBody: textOf(parts[5]),
    result: textOf(parts[6]),
  };
}

export function toExecution(name: string, id: string, parts: RecordParts): StoredExecution {
  return toStored(toRecord(name, id, parts));
}

export function toListed(name: string, id: string, parts: RecordParts): StoredExecutionSummary {
  return toSummary(toRecord(name, id, parts));
}
