import type { ExecutionStatus } from "../../model/execution.ts";
import type { JsonText } from "../../model/json-text.ts";
import type { LeaseFacts } from "../../model/lease.ts";
import { machineKey, type NewExecution, type StoredExecution, type StoredExecutionSummary } from "../../model/stored-execution.ts";
import type { Writable } from "../../model/writable.ts";

/** Where a record stands for claims. */
type Phase = "ready" | "delayed" | "leased" | "parked" | "final";

/** The part of a record that decisions are made on. */
export interface RecordRow {
  readonly sequence: number;
  readonly name: string;
  readonly id: string;
  readonly startToken: string;
  readonly inputHash: string | null;
  readonly idempotencyKey: string | null;
  /** The priority negated, so that ascending order is right throughout. */
  readonly rank: number;
  /** Empty for executions without one. */
  readonly group: string;
  readonly machineId: string;
  readonly queuedAt: number;
  readonly maxTakeovers: number;
  status: ExecutionStatus;
  phase: Phase;
  /** 0 for what was parked and is awake again, 1 for queued work. */
  lane: number;
  /** Age among equals. */
  position: number;
  /** Since when it has been claimable. */
  readySince: number;
  machineKey: string;
  attempt: number;
  /** What the next claim adds to `attempt`. */
  attemptStep: number;
  takeovers: number;
  fence: number;
  /** The last fence that its own holder gave up. */
  settledFence: number;
  owner: string | null;
  /** The claim that it was taken by last. */
  claimId: string | null;
  leaseExpiresAt: number | null;
  /** 1 while it counts against its group's limit. */
  holdsSlot: number;
  dueAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
  cancelRequestedAt: number | null;
  cancelToken: string | null;
  reason: string | null;
  lastSignal: number;
  consumedSignal: number;
  lastEvent: number;
  checkpointRevision: number;
  /** Of the last change of its slot. */
  slotOrder: number;
}

/** The rest of a record. */
export interface RecordExtras {
  machineVersion: string | null;
  maxAttempts: number;
  timeoutMs: number | null;
  /** A JSON array. */
  tags: string;
  input: JsonText;
  settings: JsonText | null;
  retry: JsonText | null;
  trace: JsonText | null;
  progress: JsonText | null;
  result: JsonText | null;
  error: JsonText | null;
  abandoned: number | null;
  checkpointBody: JsonText | null;
}

export type WholeRecord = RecordRow & RecordExtras;
export type RecordChanges = Partial<WholeRecord>;

/** A record as it is after its start. */
export function newRecord(name: string, start: NewExecution, sequence: number, now: number): WholeRecord {
  const dueAt = start.delayMs > 0 ? now + start.delayMs : null;
  return {
    sequence,
    name,
    id: start.id,
    startToken: start.startToken,
    inputHash: start.inputHash ?? null,
    idempotencyKey: start.idempotencyKey ?? null,
    rank: -start.priority,
    group: start.group ?? "",
    machineId: start.machineId,
    queuedAt: now,
    maxTakeovers: start.maxTakeovers,
    status: "queued",
    phase: dueAt === null ? "ready" : "delayed",
    lane: 1,
    position: sequence,
    readySince: now,
    machineKey: machineKey(start.machineId, start.machineVersion),
    attempt: 0,
    attemptStep: 1,
    takeovers: 0,
    fence: 0,
    settledFence: 0,
    owner: null,
    claimId: null,
    leaseExpiresAt: null,
    holdsSlot: 0,
    dueAt,
    startedAt: null,
    completedAt: null,
    cancelRequestedAt: null,
    cancelToken: null,
    reason: null,
    lastSignal: 0,
    consumedSignal: 0,
    lastEvent: 0,
    checkpointRevision: 0,
    slotOrder: 0,
    machineVersion: start.machineVersion ?? null,
    maxAttempts: start.maxAttempts,
    timeoutMs: start.timeoutMs ?? null,
    tags: start.tags.length === 0 ? "[]" : JSON.stringify(start.tags),
    input: start.input,
    settings: start.settings ?? null,
    retry: start.retry ?? null,
    trace: start.trace ?? null,
    progress: null,
    result: null,
    error: null,
    abandoned: null,
    checkpointBody: null,
  };
}

export function toStored(record: WholeRecord): StoredExecution {
  const stored = toSummary(record) as Writable<StoredExecution>;
  stored.input = record.input;
  if (record.settings !== null) stored.settings = record.settings;
  if (record.retry !== null) stored.retry = record.retry;
  if (record.trace !== null) stored.trace = record.trace;
  if (record.checkpointBody !== null) stored.checkpoint = { revision: record.checkpointRevision, body: record.checkpointBody };
  return stored;
}

/** What lists give. */
// Each claim makes one of these: fields that are absent are never there, since taking them away makes an object slow.
export function toSummary(record: WholeRecord): Writable<StoredExecutionSummary> {
  const summary: Writable<StoredExecutionSummary> = {
    name: record.name,
    id: record.id,
    sequence: record.sequence,
    status: record.status,
    parked: record.status === "running" && record.phase !== "leased",
    priority: record.rank === 0 ? 0 : -record.rank,
    tags: record.tags === "[]" ? [] : JSON.parse(record.tags),
    attempt: record.attempt,
    maxAttempts: record.maxAttempts,
    takeovers: record.takeovers,
    maxTakeovers: record.maxTakeovers,
    fence: record.fence,
    queuedAt: record.queuedAt,
    machineId: record.machineId,
    lastSignal: record.lastSignal,
    consumedSignal: record.consumedSignal,
  };
  if (record.owner !== null) summary.owner = record.owner;
  if (record.leaseExpiresAt !== null) summary.leaseExpiresAt = record.leaseExpiresAt;
  if (record.startedAt !== null) summary.startedAt = record.startedAt;
  if (record.group !== "") summary.group = record.group;
  if (record.dueAt !== null) summary.dueAt = record.dueAt;
  if (record.completedAt !== null) summary.completedAt = record.completedAt;
  if (record.timeoutMs !== null) summary.timeoutMs = record.timeoutMs;
  if (record.machineVersion !== null) summary.machineVersion = record.machineVersion;
  if (record.idempotencyKey !== null) summary.idempotencyKey = record.idempotencyKey;
  if (record.cancelRequestedAt !== null) summary.cancelRequestedAt = record.cancelRequestedAt;
  if (record.reason !== null) summary.reason = record.reason;
  if (record.progress !== null) summary.progress = record.progress;
  if (record.result !== null) summary.result = record.result;
  if (record.error !== null) summary.error = record.error;
  if (record.abandoned === 1) summary.abandoned = true;
  return summary;
}

export function leaseFacts(row: RecordRow | undefined): LeaseFacts | undefined {
  return (
    row && {
      final: row.phase === "final",
      owner: row.owner ?? undefined,
      fence: row.fence,
      leaseExpiresAt: row.leaseExpiresAt ?? undefined,
    }
  );
}
