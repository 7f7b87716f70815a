import type { StoredCheckpoint } from "../../model/checkpoint.ts";
import type { ExecutionStatus } from "../../model/execution.ts";
import type { JsonText } from "../../model/json-text.ts";
import type { LeaseFacts } from "../../model/lease.ts";
import type { NewExecution, StoredExecution, StoredExecutionSummary } from "../../model/stored-execution.ts";
import type { StoredEvent, StoredSignal } from "../../ports/store-message.ts";

/** Where a record stands for claims: exactly one index holds it by that. */
export type Phase = "ready" | "delayed" | "leased" | "parked" | "final";

/** A record as the memory store keeps and changes it; change it only through `MemorySpace.change`. */
export interface MemoryRow {
  readonly start: NewExecution;
  readonly sequence: number;
  readonly rank: number;
  readonly group: string;
  readonly queuedAt: number;
  status: ExecutionStatus;
  phase: Phase;
  lane: number;
  /** Age among equals. */
  position: number;
  readySince: number;
  machineKey: string;
  machineVersion: string | undefined;
  attempt: number;
  /** What the next claim adds to `attempt`. */
  attemptStep: 0 | 1;
  takeovers: number;
  fence: number;
  /** The last fence that its own holder gave up. */
  settledFence: number;
  owner: string | undefined;
  leaseExpiresAt: number | undefined;
  holdsSlot: boolean;
  dueAt: number | undefined;
  startedAt: number | undefined;
  completedAt: number | undefined;
  cancelRequestedAt: number | undefined;
  cancelToken: string | undefined;
  reason: string | undefined;
  lastSignal: number;
  consumedSignal: number;
  signals: (StoredSignal & { readonly token: string })[];
  lastEvent: number;
  events: (StoredEvent & { readonly fence: number; readonly ordinal: number })[];
  progress: JsonText | undefined;
  result: JsonText | undefined;
  error: JsonText | undefined;
  abandoned: true | undefined;
  checkpoint: StoredCheckpoint | undefined;
}

type OptionalFields<Type> = { [Key in keyof Type]-?: undefined extends Type[Key] ? Key : never }[keyof Type];
type Loose<Type> = Omit<Type, OptionalFields<Type>> & { [Key in OptionalFields<Type>]: Type[Key] | undefined };

export function toSummary(row: MemoryRow, name: string): StoredExecutionSummary {
  const { start } = row;
  const summary: Loose<StoredExecutionSummary> = {
    name,
    id: start.id,
    sequence: row.sequence,
    status: row.status,
    parked: row.status === "running" && row.phase !== "leased",
    priority: start.priority,
    group: start.group,
    tags: start.tags,
    attempt: row.attempt,
    maxAttempts: start.maxAttempts,
    takeovers: row.takeovers,
    maxTakeovers: start.maxTakeovers,
    fence: row.fence,
    owner: row.owner,
    leaseExpiresAt: row.leaseExpiresAt,
    queuedAt: row.queuedAt,
    dueAt: row.dueAt,
    startedAt: row.startedAt,
    completedAt: row.completedAt,
    timeoutMs: start.timeoutMs,
    machineId: start.machineId,
    machineVersion: row.machineVersion,
    idempotencyKey: start.idempotencyKey,
    cancelRequestedAt: row.cancelRequestedAt,
    reason: row.reason,
    lastSignal: row.lastSignal,
    consumedSignal: row.consumedSignal,
    progress: row.progress,
    result: row.result,
    error: row.error,
    abandoned: row.abandoned,
  };
  return withoutUndefined(summary) as unknown as StoredExecutionSummary;
}

export function toStored(row: MemoryRow, name: string): StoredExecution {
  const { input, settings, retry, trace } = row.start;
  const large = withoutUndefined({ input, settings, retry, trace, checkpoint: row.checkpoint });
  return { ...toSummary(row, name), ...(large as Pick<StoredExecution, "input">) };
}

function withoutUndefined<Type extends object>(record: Type): Type {
  for (const key of Object.keys(record) as (keyof Type)[]) if (record[key] === undefined) delete record[key];
  return record;
}

export function leaseFacts(row: MemoryRow | undefined): LeaseFacts | undefined {
  return row && { final: row.phase === "final", owner: row.owner, fence: row.fence, leaseExpiresAt: row.leaseExpiresAt };
}
