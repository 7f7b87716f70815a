import type { RecordExtras, RecordRow, WholeRecord } from "../records/record-row.ts";

const rowFields = [
  ...(["sequence", "name", "id", "startToken", "inputHash", "idempotencyKey", "rank", "group", "machineId", "queuedAt"] as const),
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
  ...(["sequence", "name", "id", "startToken", "inputHash", "idempotencyKey", "rank", "group", "machineId", "queuedAt"] as const),
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
export function toRow(values: RowValues | SummaryValues | WholeValues): RecordRow {
  return {
    sequence: values[0],
    name: values[1],
    id: values[2],
    startToken: values[3],
    inputHash: values[4],
    idempotencyKey: values[5],
    rank: values[6],
    group: values[7],
    machineId: values[8],
    queuedAt: values[9],
    maxTakeovers: values[10],
    status: values[11],
    phase: values[12],
    lane: values[13],
    position: values[14],
    readySince: values[15],
    machineKey: values[16],
    attempt: values[17],
    attemptStep: values[18],
    takeovers: values[19],
    fence: values[20],
    settledFence: values[21],
    owner: values[22],
    claimId: values[23],
    leaseExpiresAt: values[24],
    holdsSlot: values[25],
    dueAt: values[26],
    startedAt: values[27],
    completedAt: values[28],
    cancelRequestedAt: values[29],
    cancelToken: values[30],
    reason: values[31],
    lastSignal: values[32],
    consumedSignal: values[33],
    lastEvent: values[34],
    checkpointRevision: values[35],
    slotOrder: values[36],
  };
}

/** `input` and `checkpointBody` may be elsewhere. */
export function toWhole(values: SummaryValues | WholeValues): WholeRecord {
  const bodies: Partial<WholeValues> = values;
  return {
    ...toRow(values),
    machineVersion: values[37],
    maxAttempts: values[38],
    timeoutMs: values[39],
    tags: values[40],
    progress: values[41],
    result: values[42],
    error: values[43],
    abandoned: values[44],
    input: bodies[45] ?? "",
    settings: bodies[46] ?? null,
    retry: bodies[47] ?? null,
    trace: bodies[48] ?? null,
    checkpointBody: null,
  };
}
