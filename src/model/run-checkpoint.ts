import type { RunProgress } from "./run-progress.ts";
import type { RunTask } from "./run-task.ts";
import { tasksOf, toTaskQueue } from "./task-queue.ts";

/**
 * Where a restored run goes on. A pass that was in hand is done again from its start; a decision that a human was asked for is waited for
 * again, and nobody is notified twice.
 */
export type RunPosition = "takingTask" | "executing" | "askingHuman" | "taskCompleted" | "taskFailed";

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
  const { format, version, progress } = (typeof value === "object" && value !== null ? value : {}) as Partial<RunCheckpoint>;
  return format === "actorfleet.run" && version === 1 && typeof progress === "object" && progress !== null && Array.isArray(progress.queue);
}
