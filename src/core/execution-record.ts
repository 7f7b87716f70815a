import type { ExecutionTimeoutError } from "../model/errors.ts";
import { type ExecutionInfo, type ExecutionState, type ExecutionStatus, isFinalStatus } from "../model/execution.ts";
import type { Backoff } from "../model/retry-policy.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { Writable } from "../model/writable.ts";
import type { TraceContext } from "../ports/tracing.ts";
import type { Settings } from "../settings/settings-schema.ts";
import type { Candidate } from "./admission-queue.ts";
import type { AttemptRun } from "./attempt-run.ts";
import type { ExecutionRef, ExecutionValue } from "./execution-logic.ts";
import type { Timer } from "./timer-queue.ts";

/** What a start asks for, checked and with its defaults. */
export interface ExecutionRequest {
  readonly id: string;
  readonly input: unknown;
  readonly settings: Settings | undefined;
  readonly idempotencyKey: string | undefined;
  readonly priority: number;
  readonly group: string | undefined;
  /** How many of the group may hold a slot. */
  readonly groupLimit: number;
  readonly tags: readonly string[];
  readonly delayMs: number;
  readonly timeoutMs: number | undefined;
  /** What is left of it, where the first attempt here was begun elsewhere. */
  readonly timeLeftMs: number | undefined;
  /** Whether an attempt after a failed one goes on from what that one saved. */
  readonly onRetry: "restart" | "resume";
  readonly maxAttempts: number;
  readonly backoff: Omit<Backoff, "type">;
  readonly queuedAt: number;
  readonly signal: AbortSignal | undefined;
  /** From an earlier process. */
  readonly attempt: number;
  readonly takeovers: number;
  readonly startedAt: number | undefined;
  /** Of whoever started it. */
  readonly trace: TraceContext | undefined;
}

/** Somebody who waits for the end. */
export interface Waiter {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** What the supervisor keeps of one execution. While it lives, its state is its actor's; afterwards it is `final`. */
export interface ExecutionRecord extends Candidate {
  readonly request: ExecutionRequest;
  /** Its place in the order of start. */
  readonly sequence: number;
  actor: ExecutionRef | undefined;
  status: ExecutionStatus;
  holdsSlot: boolean;
  /** Is `running.waiting`. */
  waits: boolean;
  /** Its end is being written by its custody: nothing else can happen to it. */
  settling: boolean;
  run: AttemptRun | undefined;
  /** The one thing it waits for: the end of its delay, of its attempt's time or of its grace period. */
  timer: Timer | undefined;
  /** What was left of the attempt's time when it began to wait for a signal. */
  timeLeftMs: number | undefined;
  /** The error of the last attempt that took too long. */
  timeout: ExecutionTimeoutError | undefined;
  waiters: Set<Waiter> | undefined;
  stopListening: (() => void) | undefined;
  /** What an attempt has saved for the next one: a function by `scope.checkpoint`, a machine as it goes. */
  saved: unknown;
  /** `error` is what was thrown, where it was thrown in this process. */
  final: { readonly info: ExecutionInfo; readonly error: unknown; readonly timedOut: boolean } | undefined;
}

/** A record that has an attempt under way. */
export type RunningRecord = ExecutionRecord & { readonly run: AttemptRun };

/** Of an execution that has no actor yet. */
export function newRecord(request: ExecutionRequest, sequence: number, status: ExecutionStatus): ExecutionRecord {
  const { priority, group, groupLimit } = request;
  return {
    request,
    sequence,
    priority,
    group,
    groupLimit,
    order: 0,
    heapIndex: -1,
    returning: false,
    holdsSlot: false,
    settling: false,
    waits: false,
    status,
    actor: undefined,
    run: undefined,
    timer: undefined,
    timeLeftMs: undefined,
    timeout: undefined,
    waiters: undefined,
    stopListening: undefined,
    saved: undefined,
    final: undefined,
  };
}

/** What a running execution is about; undefined when it does not run. */
export function phaseOf({ actor }: ExecutionRecord): "working" | "waiting" | "cancelling" | "timingOut" | undefined {
  const value = actor?.getSnapshot().value;
  return typeof value === "object" && "running" in value ? value.running : undefined;
}

/** One consistent view of a record at this moment. */
export function toExecutionInfo(record: ExecutionRecord, now: number): ExecutionInfo {
  if (record.final !== undefined) return record.final.info;
  const { request, actor } = record;
  const snapshot = (actor as NonNullable<typeof actor>).getSnapshot();
  const { context } = snapshot;
  // An execution whose actor crashed has failed.
  const crash = snapshot.status === "error" ? { error: snapshot.error } : undefined;
  const { status, state } = crash === undefined ? toState(snapshot.value) : ({ status: "failed", state: "failed" } as const);
  const completedAt = isFinalStatus(status) ? (context.completedAt ?? now) : undefined;
  const info: Writable<ExecutionInfo> = {
    id: request.id,
    status,
    state,
    attempt: context.attempt,
    maxAttempts: request.maxAttempts,
    takeovers: request.takeovers,
    priority: request.priority,
    tags: request.tags,
    queuedAt: context.queuedAt,
    durationMs: context.startedAt === undefined ? 0 : Math.max(0, (completedAt ?? now) - context.startedAt),
  };
  if (request.group !== undefined) info.group = request.group;
  if (context.startedAt !== undefined) info.startedAt = context.startedAt;
  if (completedAt !== undefined) info.completedAt = completedAt;
  if (context.progress !== undefined) info.progress = context.progress;
  if (status === "completed") info.result = context.result;
  if (status === "failed" || (status === "queued" && context.retryDelayMs !== undefined))
    info.error = toSerializedError(crash?.error ?? context.error);
  if (context.reason !== undefined && (status === "cancelled" || state === "running.cancelling")) info.reason = context.reason;
  if (context.abandoned) info.abandoned = true;
  return Object.freeze(info);
}

/** `{ running: "working" }` is the state `running.working` of the status `running`. */
function toState(value: ExecutionValue): { readonly status: ExecutionStatus; readonly state: ExecutionState } {
  if (typeof value === "string") return { status: value, state: value };
  return "queued" in value
    ? { status: "queued", state: `queued.${value.queued}` }
    : { status: "running", state: `running.${value.running}` };
}
