import type { ExecutionStatus } from "../model/execution.ts";
import type { JsonText } from "../model/json-text.ts";
import type { LeaseRefusal, LeaseToken } from "../model/lease.ts";
import type { HolderNews } from "./store-claim.ts";

/** Leases to give up, each with how. */
export interface SettleRequest {
  readonly name: string;
  readonly owner: string;
  readonly settlements: readonly Settlement[];
}

/** The end of one lease. */
export interface Settlement extends LeaseToken {
  readonly outcome: SettleOutcome;
  /** Replaces the stored progress. */
  readonly progress?: JsonText;
}

/**
 * `complete`, `fail` and `cancel` are final. `retry` queues it again behind its equals, and the next claim is a new attempt.
 * `release` queues it again in its old place, and the next claim goes on with the same attempt.
 */
export type SettleOutcome =
  | { readonly type: "complete"; readonly result?: JsonText }
  | { readonly type: "fail"; readonly error: JsonText; readonly abandoned?: boolean }
  | { readonly type: "cancel"; readonly reason?: string; readonly abandoned?: boolean }
  | {
      readonly type: "retry";
      readonly error: JsonText;
      readonly delayMs: number /** Whether the next attempt gets the checkpoint. */;
      readonly checkpoint: "keep" | "drop";
    }
  | { readonly type: "release"; readonly delayMs?: number };

/** What became of a settlement. */
export type SettleReport =
  | {
      readonly settled: true;
      /** `cancelled` whatever the outcome was, when a cancel had been stored; `queued` after retry and release. */
      readonly status: Exclude<ExecutionStatus, "running">;
      /** When: `completedAt` of a final status, else the instant from which it is claimable. Of a repeated one: as far as it is still known. */
      readonly at: number;
      /** The same lease was settled before: its answer had been lost. The first outcome stands. */
      readonly repeated: boolean;
    }
  | { readonly settled: false; readonly reason: LeaseRefusal | "unstorable" };

/** Progress and checkpoints to save under leases that are kept. */
export interface CheckpointRequest {
  readonly name: string;
  readonly owner: string;
  readonly entries: readonly CheckpointEntry[];
}

/** What one save writes; fields that are absent stay as they are. */
export interface CheckpointEntry extends LeaseToken {
  readonly checkpoint?: NewCheckpoint;
  readonly progress?: JsonText;
}

/** A checkpoint on its way into the store. */
export interface NewCheckpoint {
  /** Higher than that of every earlier checkpoint of the execution; one that is not higher changes nothing. */
  readonly revision: number;
  readonly body: JsonText;
  /** The last signal that is part of it. */
  readonly consumedSignal: number;
  /** Of the machine that wrote it. */
  readonly machineVersion?: string;
}

/** What became of a save; `stale` when a checkpoint with this or a higher revision was there already. */
export type CheckpointReport =
  | ({ readonly saved: true; readonly stale: boolean } & HolderNews)
  | { readonly saved: false; readonly reason: LeaseRefusal | "unstorable" };

/** Executions to be put down until something happens. */
export interface ParkRequest {
  readonly name: string;
  readonly owner: string;
  readonly entries: readonly ParkEntry[];
}

/** One execution, saved and put down in one write. */
export interface ParkEntry extends LeaseToken {
  readonly checkpoint: NewCheckpoint;
  readonly progress?: JsonText;
  /** Until its next timer; absent: only a signal or a cancel wakes it. */
  readonly wakeInMs?: number;
}

/** Whether it is parked; when not, nothing was written and the lease is as before. */
export type ParkReport =
  | { readonly parked: true; readonly repeated: boolean }
  | { readonly parked: false; readonly reason: LeaseRefusal | "unreadSignal" | "cancelRequested" | "unstorable" };
