import type { NewExecution } from "../../model/stored-execution.ts";

/** What the store has promised about one execution, kept apart from the store. */
export interface LedgerEntry {
  readonly id: string;
  readonly start: NewExecution;
  place: "queued" | "leased" | "parked" | "final";
  status: "queued" | "running" | "completed" | "failed" | "cancelled";
  fence: number;
  /** The last fence whose holder gave its lease up. */
  settledFence: number;
  owner: string | undefined;
  expiresAt: number | undefined;
  /** Not claimable before. */
  dueAt: number | undefined;
  attempt: number;
  /** What the next claim adds to it. */
  attemptStep: 0 | 1;
  takeovers: number;
  holdsSlot: boolean;
  /** It went on by itself, so its group may be above its limit. */
  isForced: boolean;
  cancelled: boolean;
  /** In the run's time. */
  cancelledAt: number;
  /** What each cancel was answered with. */
  readonly cancelTokens: Map<string, "cancelled" | "running">;
  readonly signals: { readonly token: string; readonly body: string }[];
  consumed: number;
  /** Signals before this number belong to attempts that were given up. */
  base: number;
  revision: number;
  /** The whole record when it ended. */
  end: string | undefined;
}

/** Who may write about an execution now: its holder, until the lease runs out. */
export function isAuthorised(entry: LedgerEntry | undefined, owner: string, fence: number, now: number): boolean {
  return (
    entry !== undefined && entry.place === "leased" && entry.owner === owner && entry.fence === fence && now < (entry.expiresAt as number)
  );
}

export function newEntry(start: NewExecution, now: number): LedgerEntry {
  return {
    id: start.id,
    start,
    place: "queued",
    status: "queued",
    fence: 0,
    settledFence: 0,
    owner: undefined,
    expiresAt: undefined,
    dueAt: start.delayMs > 0 ? now + start.delayMs : undefined,
    attempt: 0,
    attemptStep: 1,
    takeovers: 0,
    holdsSlot: false,
    isForced: false,
    cancelled: false,
    cancelledAt: 0,
    cancelTokens: new Map(),
    signals: [],
    consumed: 0,
    base: 0,
    revision: 0,
    end: undefined,
  };
}

export function putDown(entry: LedgerEntry, place: "queued" | "parked" | "final", dueAt: number | undefined): void {
  entry.place = place;
  entry.owner = undefined;
  entry.expiresAt = undefined;
  entry.holdsSlot = false;
  entry.isForced = false;
  entry.dueAt = dueAt;
}

export function isClaimable({ place, dueAt }: LedgerEntry, now: number): boolean {
  return (place === "queued" && (dueAt === undefined || dueAt <= now)) || (place === "parked" && dueAt !== undefined && dueAt <= now);
}
