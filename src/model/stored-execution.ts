import type { StoredCheckpoint } from "./checkpoint.ts";
import type { ExecutionStatus } from "./execution.ts";
import type { JsonText } from "./json-text.ts";

/** What a start writes. Durations are relative to the store's clock. */
export interface NewExecution {
  /** Unique within the coordinator's name. */
  readonly id: string;
  /** Random per start: an insert that is repeated because its answer was lost finds its own record by it. */
  readonly startToken: string;
  readonly input: JsonText;
  readonly settings?: JsonText;
  /** Higher first; any finite number. */
  readonly priority: number;
  readonly group?: string;
  readonly tags: readonly string[];
  readonly maxAttempts: number;
  readonly maxTakeovers: number;
  /** Not claimable earlier; 0 = at once. */
  readonly delayMs: number;
  readonly timeoutMs?: number;
  readonly retry?: JsonText;
  /** Which machine or function runs it. */
  readonly machineId: string;
  /** Absent: any version of that machine may run it. */
  readonly machineVersion?: string;
  readonly idempotencyKey?: string;
  /** Of the input; tells whether the same key came with the same input. */
  readonly inputHash?: string;
  /** Trace context that travels with the execution. */
  readonly trace?: JsonText;
}

/** A record without its large parts, as lists give it. Instants are epoch milliseconds of the store's clock. */
export interface StoredExecutionSummary {
  readonly name: string;
  readonly id: string;
  /** Place in the order of start. */
  readonly sequence: number;
  readonly status: ExecutionStatus;
  /** Running, saved, and held by no worker until a signal, a cancel or `dueAt` wakes it. */
  readonly parked: boolean;
  readonly priority: number;
  readonly group?: string;
  readonly tags: readonly string[];
  /** How often it began; rises with the first claim, after a failure and after a lost lease. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** How many leases were lost; `attempt - takeovers` is what counts against `maxAttempts`. */
  readonly takeovers: number;
  readonly maxTakeovers: number;
  readonly fence: number;
  /** Who holds the lease; absent when nobody does. */
  readonly owner?: string;
  readonly leaseExpiresAt?: number;
  readonly queuedAt: number;
  /** When a delayed or parked execution becomes claimable by itself. */
  readonly dueAt?: number;
  /** Of the first claim. */
  readonly startedAt?: number;
  readonly completedAt?: number;
  readonly timeoutMs?: number;
  readonly machineId: string;
  readonly machineVersion?: string;
  readonly idempotencyKey?: string;
  /** Set once somebody asked for a cancel; whatever its worker writes afterwards ends it as cancelled. */
  readonly cancelRequestedAt?: number;
  readonly reason?: string;
  /** Number of the last signal that was stored; 0 before the first. */
  readonly lastSignal: number;
  /** The last signal that is part of its checkpoint. */
  readonly consumedSignal: number;
  readonly progress?: JsonText;
  readonly result?: JsonText;
  /** Why it failed; between two attempts, why the last one did. */
  readonly error?: JsonText;
  readonly abandoned?: true;
}

/** One whole record. */
export interface StoredExecution extends StoredExecutionSummary {
  readonly input: JsonText;
  readonly settings?: JsonText;
  readonly retry?: JsonText;
  readonly trace?: JsonText;
  readonly checkpoint?: StoredCheckpoint;
}

const names = ["id", "group", "idempotencyKey", "machineId"] as const;

/** Names, ids, groups, tags and keys: what every database can hold and compare. */
export function isStorableName(text: string): boolean {
  return text.length <= 512 && !/[\0\p{Surrogate}]/u.test(text);
}

/** What about a new record no store could keep, in words; undefined when nothing. */
export function unstorablePart(execution: NewExecution): string | undefined {
  for (const field of names) {
    const text = execution[field];
    if (text !== undefined && !isStorableName(text)) return `${field} is longer than 512, has a NUL or a lone surrogate`;
  }
  if (!execution.tags.every(isStorableName)) return "a tag is longer than 512, has a NUL or a lone surrogate";
  if (!Number.isFinite(execution.priority)) return "priority is not a finite number";
  return Number.isFinite(execution.delayMs) ? undefined : "delayMs is not a finite number";
}

/** One text per machine and version, by which claims tell what a worker runs. */
export function machineKey(machineId: string, version: string | undefined): string {
  return `${machineId}\u0001${version ?? ""}`;
}
