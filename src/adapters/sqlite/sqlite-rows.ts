import type { RecordExtras, RecordRow, WholeRecord } from "../records/record-row.ts";

const rowFields = [
  ...(["sequence", "id", "startToken", "inputHash", "idempotencyKey", "rank", "group", "machineId", "queuedAt"] as const),
  ...(["maxTakeovers", "status", "phase", "lane", "position", "readySince", "machineKey", "attempt", "attemptStep", "takeovers"] as const),
  ...(["fence", "settledFence", "owner", "claimId", "leaseExpiresAt", "holdsSlot", "dueAt", "startedAt", "completedAt"] as const),
  ...([
    "cancelRequestedAt",
    "cancelToken",
    "reason",
    "lastSignal",
    "consumedSignal",
    "lastEvent",
    "checkpointRevision",
    "slotOrder",
  ] as const),
] as const;
const summaryFields = ["machineVersion", "maxAttempts", "timeoutMs", "tags", "progress", "result", "error", "abandoned"] as const;
const bodyFields = ["input", "settings", "retry", "trace"] as const;

/** What a new record does not leave to the defaults of the table. */
const insertFields = [
  ...(["sequence", "space", "id", "startToken", "inputHash", "idempotencyKey", "rank", "group", "machineId", "queuedAt"] as const),
  ...(["maxTakeovers", "phase", "position", "readySince", "machineKey", "dueAt", "machineVersion", "maxAttempts", "timeoutMs"] as const),
  ...(["tags", "input", "settings", "retry", "trace"] as const),
] as const;

const toColumns = (fields: readonly string[]) => fields.map((field) => `"${field}"`).join(", ");

export const rowColumns = toColumns(rowFields);
export const summaryColumns = toColumns([...rowFields, ...summaryFields]);
export const wholeColumns = toColumns([...rowFields, ...summaryFields, ...bodyFields]);
export const insertColumns = toColumns(insertFields);

type Values<Source, Fields extends readonly (keyof Source)[]> = { readonly [Index in keyof Fields]: Source[Fields[Index]] };
type BodyValues = [input: string | null, settings: string | null, retry: string | null, trace: string | null];

export type RowValues = Values<RecordRow, typeof rowFields>;
export type SummaryValues = readonly [...RowValues, ...Values<RecordExtras, typeof summaryFields>];
export type WholeValues = readonly [...SummaryValues, ...BodyValues];

// One literal each: objects of the same shape, made at once, are several times faster than those that grow field by field.
export function toRow(values: RowValues | SummaryValues | WholeValues, name: string): RecordRow {
  return {
    sequence: values[0],
    name,
    id: values[1],
    startToken: values[2],
    inputHash: values[3],
    idempotencyKey: values[4],
    rank: values[5],
    group: values[6],
    machineId: values[7],
    queuedAt: values[8],
    maxTakeovers: values[9],
    status: values[10],
    phase: values[11],
    lane: values[12],
    position: values[13],
    readySince: values[14],
    machineKey: values[15],
    attempt: values[16],
    attemptStep: values[17],
    takeovers: values[18],
    fence: values[19],
    settledFence: values[20],
    owner: values[21],
    claimId: values[22],
    leaseExpiresAt: values[23],
    holdsSlot: values[24],
    dueAt: values[25],
    startedAt: values[26],
    completedAt: values[27],
    cancelRequestedAt: values[28],
    cancelToken: values[29],
    reason: values[30],
    lastSignal: values[31],
    consumedSignal: values[32],
    lastEvent: values[33],
    checkpointRevision: values[34],
    slotOrder: values[35],
  };
}

/** `input` and `checkpointBody` may be elsewhere. */
export function toWhole(values: SummaryValues | WholeValues, name: string): WholeRecord {
  const bodies: Partial<WholeValues> = values;
  return {
    ...toRow(values, name),
    machineVersion: values[36],
    maxAttempts: values[37],
    timeoutMs: values[38],
    tags: values[39],
    progress: values[40],
    result: values[41],
    error: values[42],
    abandoned: values[43],
    input: bodies[44] ?? "",
    settings: bodies[45] ?? null,
    retry: bodies[46] ?? null,
    trace: bodies[47] ?? null,
    checkpointBody: null,
  };
}
