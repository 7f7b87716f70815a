import type { JsonText } from "./json-text.ts";

/** A timer that was pending when a machine was saved. */
export interface CheckpointTimer {
  /** As the actor system names it, so that it is armed again under the same id. */
  readonly id: string;
  /** Epoch milliseconds at which it is due. */
  readonly dueAt: number;
  /** The whole delay it was set with. */
  readonly delayMs: number;
  /** What was left of it when it was saved. */
  readonly leftMs?: number;
  /** Which actor set it: the ids that lead to it from the machine itself, which is the empty path. */
  readonly source?: readonly string[];
  /** Which actor gets the event; the same way. */
  readonly target?: readonly string[];
  /** What is sent when it is due. */
  readonly event: unknown;
}

/** Everything another process needs to go on with an execution. */
export interface Checkpoint {
  readonly machineId: string;
  readonly version?: string;
  /** The machine's persisted snapshot, or the value a function gave to `scope.checkpoint`. */
  readonly snapshot: unknown;
  readonly timers: readonly CheckpointTimer[];
  /** The last signal that is part of the snapshot; those up to it are never given again. */
  readonly consumedSignal: number;
  /** How often each actor of the machine was begun, by the ids that lead to it: the last part of its idempotency key. */
  readonly entries: Readonly<Record<string, number>>;
  /** It was put down while it waits: its timers go on meanwhile, whatever the restore policy says of those of a lost process. */
  readonly parked?: true;
  /** Present where the time of an attempt is limited. */
  readonly budget?: CheckpointBudget;
}

/** What is left of the time of the attempt that saved it. */
export interface CheckpointBudget {
  /** How many attempts had failed before it: the next one after a failure has its whole time again. */
  readonly failures: number;
  /** Waiting is not counted. */
  readonly leftMs: number;
}

/** A checkpoint as the store keeps it. */
export interface StoredCheckpoint {
  /** Rises with every checkpoint of the execution, so that a late copy of an older one changes nothing. */
  readonly revision: number;
  readonly body: JsonText;
}
