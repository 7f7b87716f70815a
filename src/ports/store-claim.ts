import type { LeaseRefusal, LeaseToken } from "../model/lease.ts";
import type { StoredExecution } from "../model/stored-execution.ts";

/** Which records a worker can run: those of this machine that have no version or one of these. */
export interface MachineSelector {
  readonly machineId: string;
  /** `any` for a worker that can migrate whatever it finds. */
  readonly versions: readonly string[] | "any";
}

/** What a worker wants to run next. */
export interface ClaimRequest extends MachineSelector {
  readonly name: string;
  readonly owner: string;
  /** Random per claim; a claim that is repeated because its answer was lost gets what it got. */
  readonly claimId: string;
  readonly limit: number;
  readonly leaseMs: number;
  /** Only these, as far as they are claimable; their order and `limit` do not matter. */
  readonly ids?: readonly string[];
  /** How many of a group may hold a slot in all processes; executions without a group are not limited. */
  readonly groupLimit?: number | ((group: string) => number);
  /** At most `limit` claims of this name in any span of `intervalMs`, in all processes. */
  readonly rateLimit?: { readonly limit: number; readonly intervalMs: number };
}

/** A record under a new lease. */
export interface ClaimedExecution extends StoredExecution {
  readonly owner: string;
  readonly leaseExpiresAt: number;
}

/** What a claim brought. */
export interface ClaimReport {
  readonly executions: readonly ClaimedExecution[];
  /** Of a claim with `ids`: why the others were not claimed. */
  readonly refused: readonly { readonly id: string; readonly reason: ClaimRefusal }[];
  /** When less than `limit` came: milliseconds until time alone makes another one claimable, where the store knows. */
  readonly nextDueInMs?: number;
}

/** `leased` somebody holds it; `notDue` delayed or parked; `limited` by group or rate; `machine` another machine or version. */
export type ClaimRefusal = "unknown" | "final" | "leased" | "notDue" | "limited" | "machine";

/** Leases of one worker to prolong. */
export interface RenewRequest {
  readonly name: string;
  readonly owner: string;
  readonly leaseMs: number;
  readonly leases: readonly LeaseToken[];
}

/** A lease that is still held, with what its holder should know; or why it is lost. */
export type RenewReport =
  | ({ readonly held: true; readonly expiresAt: number } & HolderNews)
  | { readonly held: false; readonly reason: LeaseRefusal };

/** What others have stored for the holder of a lease. */
export interface HolderNews {
  readonly cancelRequested: boolean;
  /** Of the cancel. */
  readonly reason?: string;
  /** Larger than the last signal it has read: there are signals to read. */
  readonly lastSignal: number;
}

/** Executions that give up, or ask for, their place in their group's limit while they keep their lease. */
export interface SlotRequest {
  readonly name: string;
  readonly owner: string;
  readonly groupLimit: number | ((group: string) => number);
  readonly entries: readonly SlotEntry[];
}

/** `yield` while it waits; `take` to go on when there is room; `force` to go on in any case, because it already does. */
export interface SlotEntry extends LeaseToken {
  readonly change: "yield" | "take" | "force";
  /** Rises with the changes of one lease: a copy that comes after a later change does nothing, and reports `changed`. */
  readonly order?: number;
}

/** Whether it has a place now (`yield`: whether it gave it up). */
export type SlotReport = { readonly changed: true } | { readonly changed: false; readonly reason: LeaseRefusal | "limited" };

/** How much a sweep does at most. */
export interface SweepRequest {
  readonly name: string;
  /** Expired leases per call; 1 000. */
  readonly limit?: number;
}

/** What a sweep found. When one of the lists has `limit` items, there may be more. */
export interface SweepReport {
  /** Their lease had expired; queued again, ahead of what came later. */
  readonly takenOver: readonly string[];
  /** The same, too often: failed with `ExecutionLostError`. */
  readonly lost: readonly string[];
  /** The same, but a cancel was stored: cancelled. */
  readonly cancelled: readonly string[];
  /** Delayed or parked ones that became claimable. */
  readonly due: number;
  /** Milliseconds until the next lease expires, if nobody renews it. */
  readonly nextExpiryInMs?: number;
}
