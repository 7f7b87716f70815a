import type { RunProgress } from "./run-progress.ts";
import type { RunTask } from "./run-task.ts";
import { isRequest } from "./run-task.ts";
import { tasksOf, toTaskQueue } from "./task-queue.ts";

/**
 * Where a restored run goes on. A pass that was in hand is done again from its start; a decision that a human was asked for is waited for
 * again, and nobody is notified twice.
 */
export type RunPosition = (typeof runPositions)[number];

const runPositions = ["takingTask", "paused", "executing", "askingHuman", "taskCompleted", "taskFailed"] as const;

/** The last safe point of a run: its progress, and where in the loops it was. */
export interface SafePoint {
  readonly position: RunPosition;
  readonly progress: RunProgress;
  /** It was asked to pause, and has not yet. */
  readonly pauseRequested: boolean;
  /** There is nothing to do but to wait for a human's answer, or for the end of a pause. */
  readonly isAtRest: boolean;
}

/** A run as plain data. Survives JSON as long as the user's requests and results do; its parts are not to be relied on. */
export interface RunCheckpoint {
  readonly format: "actorfleet.run";
  readonly version: 1;
  readonly executionId: string;
  readonly sessionId: string;
  /** The sequence number of the last event before it. */
  readonly sequence: number;
  readonly position: RunPosition;
  readonly pauseRequested?: true;
  /** Epoch milliseconds at which it was made, where the run was only waiting: until it is restored, waiting goes on. */
  readonly waitingSince?: number;
  readonly progress: Omit<RunProgress, "queue"> & { readonly queue: readonly RunTask[] };
}

type RunIds = Pick<RunCheckpoint, "executionId" | "sessionId" | "sequence">;

/** Costs O(tasks waiting); everything else is shared with the run, which never changes it. */
export function toCheckpoint(ids: RunIds, { position, progress, pauseRequested, isAtRest }: SafePoint, now: number): RunCheckpoint {
  return {
    format: "actorfleet.run",
    version: 1,
    ...ids,
    position,
    ...(pauseRequested && { pauseRequested: true as const }),
    ...(isAtRest && { waitingSince: now }),
    progress: { ...progress, queue: tasksOf(progress.queue) },
  };
}

/** Time between a crash and now is nobody's; a run that waited goes on waiting, and its time with it. */
export function toSafePoint({ position, progress, pauseRequested, waitingSince }: RunCheckpoint, now: number): SafePoint {
  const { usage, queue } = progress;
  const wallMs = usage.wallMs + (waitingSince === undefined ? 0 : Math.max(0, now - waitingSince));
  return {
    position,
    progress: { ...progress, queue: toTaskQueue(queue), usage: { ...usage, wallMs } },
    pauseRequested: pauseRequested === true,
    isAtRest: waitingSince !== undefined,
  };
}

/** Whether a value, read back from wherever it was kept, is a checkpoint that this version can restore. */
export function isRunCheckpoint(value: unknown): value is RunCheckpoint {
  if (!isRecord(value) || value.format !== "actorfleet.run" || value.version !== 1 || !isRecord(value.progress)) return false;
  const { executionId, sessionId, sequence, position, progress, waitingSince } = value as Partial<RunCheckpoint>;
  return (
    typeof executionId === "string" &&
    typeof sessionId === "string" &&
    isCount(sequence) &&
    (waitingSince === undefined || Number.isFinite(waitingSince)) &&
    runPositions.includes(position as RunPosition) &&
    isRestorable(progress as Partial<RunCheckpoint["progress"]>)
  );
}

function isRestorable({ iteration, pass, tries, questions, usage, queue, history, context }: Partial<RunCheckpoint["progress"]>): boolean {
  const figures = isRecord(usage) ? Object.values(usage) : [Number.NaN];
  return (
    [iteration, pass, tries, questions].every(isCount) &&
    figures.every((figure) => typeof figure === "number" && figure >= 0) &&
    Array.isArray(queue) &&
    queue.every((task) => isRecord(task) && isRequest(task) && isRequest(task.request)) &&
    Array.isArray(history) &&
    isRecord(context) &&
    Object.values(context).every((part) => typeof part === "string" || Array.isArray(part))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
