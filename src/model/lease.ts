/** Names one claim of one execution: every write of a worker carries it, and is refused once another claim has a higher fence. */
export interface LeaseToken {
  readonly id: string;
  /** Rises with every claim of the execution. */
  readonly fence: number;
}

/**
 * Why a write under a lease changed nothing:
 * `unknown` no such record; `final` the execution has ended; `superseded` it was claimed again, or taken back from this owner;
 * `expired` the lease ran out, though nobody has taken over yet.
 */
export type LeaseRefusal = "unknown" | "final" | "superseded" | "expired";

/** What a refusal is decided on. */
export interface LeaseFacts {
  readonly final: boolean;
  readonly owner: string | undefined;
  readonly fence: number;
  readonly leaseExpiresAt: number | undefined;
}

/** Why this owner may not write under this fence, or undefined where it may. */
export function leaseRefusal(row: LeaseFacts | undefined, owner: string, fence: number, now: number): LeaseRefusal | undefined {
  if (row === undefined) return "unknown";
  if (row.final) return "final";
  if (row.fence !== fence || row.owner !== owner || row.leaseExpiresAt === undefined) return "superseded";
  return row.leaseExpiresAt <= now ? "expired" : undefined;
}

/** How many changes of its slot one lease may number. */
const ordersPerFence = 1_000_000;

/** The place of a change of a slot among those of all leases of its execution. */
export function slotOrderOf(fence: number, order: number): number {
  return fence * ordersPerFence + order;
}
