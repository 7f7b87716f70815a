import type { RunProgress } from "./run-progress.ts";
import type { RunTask } from "./run-task.ts";
import { isRequest } from "./run-task.ts";
import { tasksOf, toTaskQueue } from "./task-queue.ts";

/**
 * Where a restored run goes on. A pass that was in hand is done again from its start; a decision that a human was asked for is waited for
 * again, and nobody is notified twice.
 */
export type RunPosition = (typeof runPositions)[number];

const runPositions = ["takingTask", "executing", "askingHuman", "taskCompleted", "taskFailed"] as const;

/** The last safe point of a run: its progress, and where in the loops it was. */
export interface SafePoint {
  readonly position: RunPosition;
  readonly progress: RunProgress;
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
  readonly progress: Omit<RunProgress, "queue"> & { readonly queue: readonly RunTask[] };
}

/** Costs O(tasks waiting); everything else is shared with the run, which never changes it. */
export function toCheckpoint(
  ids: { executionId: string; sessionId: string; sequence: number },
  { position, progress }: SafePoint,
): RunCheckpoint {
  return { format: "actorfleet.run", version: 1, ...ids, position, progress: { ...progress, queue: tasksOf(progress.queue) } };
}

export function toSafePoint({ position, progress }: RunCheckpoint): SafePoint {
  return { position, progress: { ...progress, queue: toTaskQueue(progress.queue) } };
}

/** Whether a value, read back from wherever it was kept, is a checkpoint that this version can restore. */
export function isRunCheckpoint(value: unknown): value is RunCheckpoint {
  if (!isRecord(value) || value.format !== "actorfleet.run" || value.version !== 1 || !isRecord(value.progress)) return false;
  const { executionId, sessionId, sequence, position, progress } = value as Partial<RunCheckpoint>;
  return (
    typeof executionId === "string" &&
    typeof sessionId === "string" &&
    isCount(sequence) &&
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
