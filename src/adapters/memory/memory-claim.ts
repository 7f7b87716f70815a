import { createRooms, planClaim } from "../../model/claim-plan.ts";
import { leaseRefusal } from "../../model/lease.ts";
import { lostErrorText } from "../../model/store-errors.ts";
import { machineKey } from "../../model/stored-execution.ts";
import type {
  ClaimedExecution,
  ClaimRefusal,
  ClaimReport,
  ClaimRequest,
  MachineSelector,
  RenewReport,
  RenewRequest,
  SlotReport,
  SlotRequest,
  SweepReport,
  SweepRequest,
} from "../../ports/store-claim.ts";
import { leaseFacts, type MemoryRow, toStored } from "./memory-row.ts";
import type { MemorySpace } from "./memory-space.ts";

/** How long a claim can be repeated. */
const claimMemoryMs = 300_000;

export function claimRows(space: MemorySpace, request: ClaimRequest, now: number): ClaimReport {
  const earlier = space.claims.get(request.claimId);
  if (earlier !== undefined) {
    const rows = [...earlier.fences].map(([id, fence]) => ({ row: space.rows.get(id), fence }));
    const held = rows.flatMap(({ row, fence }) => (row !== undefined && row.fence === fence && row.phase === "leased" ? [row] : []));
    return { executions: held.map((row) => toStored(row, request.name) as ClaimedExecution), refused: [] };
  }
  promoteDue(space, now);
  const limit = Math.min(request.limit, rateRoom(space, request, now));
  const { rows, refused } = request.ids === undefined ? { ...pickRows(space, request, limit), refused: [] } : pickIds(space, request, request.ids, limit);
  for (const row of rows) lease(space, row, request, now);
  if (rows.length > 0) {
    space.claims.set(request.claimId, { at: now, fences: new Map(rows.map((row) => [row.start.id, row.fence])) });
    if (request.rateLimit !== undefined) space.claimTimes.push({ at: now, count: rows.length });
  }
  const executions = rows.map((row) => toStored(row, request.name) as ClaimedExecution);
  const nextDueInMs = rows.length < request.limit ? nextDue(space, request, now) : undefined;
  return { executions, refused, ...(nextDueInMs !== undefined && { nextDueInMs }) };
}

export function runsMachine({ machineId, versions }: MachineSelector): (key: string) => boolean {
  if (versions === "any") return (key) => key.startsWith(machineKey(machineId, ""));
  const keys = new Set([machineKey(machineId, undefined), ...versions.map((version) => machineKey(machineId, version))]);
  return (key) => keys.has(key);
}

function pickRows(space: MemorySpace, request: ClaimRequest, limit: number): { rows: MemoryRow[] } {
  const { groupLimit } = request;
  const plan = planClaim(space, { limit, runs: runsMachine(request), turn: space.turn, ...(groupLimit !== undefined && { groupLimit }) });
  space.turn = plan.turn;
  return plan;
}

function pickIds(space: MemorySpace, request: ClaimRequest, ids: readonly string[], limit: number): { rows: MemoryRow[]; refused: { id: string; reason: ClaimRefusal }[] } {
  const rows: MemoryRow[] = [];
  const refused: { id: string; reason: ClaimRefusal }[] = [];
  const runs = runsMachine(request);
  const rooms = createRooms(space, request.groupLimit);
  const rateLimited = request.rateLimit === undefined ? Number.POSITIVE_INFINITY : limit;
  for (const id of new Set(ids)) {
    const row = space.rows.get(id);
    const reason = claimRefusal(row) ?? (runs((row as MemoryRow).machineKey) ? undefined : "machine");
    if (row === undefined || reason !== undefined) refused.push({ id, reason: reason ?? "unknown" });
    else if (rows.length >= rateLimited || rooms.room(row.group) <= 0) refused.push({ id, reason: "limited" });
    else {
      rooms.use(row.group, 1);
      rows.push(row);
    }
  }
  return { rows, refused };
}

function claimRefusal(row: MemoryRow | undefined): ClaimRefusal | undefined {
  if (row === undefined) return "unknown";
  if (row.phase === "final" || row.phase === "leased") return row.phase;
  return row.phase === "ready" ? undefined : "notDue";
}

function lease(space: MemorySpace, row: MemoryRow, { owner, leaseMs }: ClaimRequest, now: number): void {
  space.change(row, {
    status: "running",
    phase: "leased",
    owner,
    leaseExpiresAt: now + leaseMs,
    fence: row.fence + 1,
    attempt: row.attempt + row.attemptStep,
    attemptStep: 0,
    holdsSlot: true,
    dueAt: undefined,
    startedAt: row.startedAt ?? now,
  });
}

function rateRoom(space: MemorySpace, { rateLimit }: ClaimRequest, now: number): number {
  if (rateLimit === undefined) return Number.POSITIVE_INFINITY;
  const times = space.claimTimes;
  while (times[0] !== undefined && times[0].at + rateLimit.intervalMs <= now) times.shift();
  return Math.max(0, rateLimit.limit - times.reduce((sum, { count }) => sum + count, 0));
}

function nextDue(space: MemorySpace, request: ClaimRequest, now: number): number | undefined {
  const due = space.due.minKey()?.dueAt;
  const oldest = request.rateLimit !== undefined && rateRoom(space, request, now) === 0 ? space.claimTimes[0] : undefined;
  const rate = oldest && oldest.at + (request.rateLimit?.intervalMs ?? 0);
  const next = Math.min(due ?? Number.POSITIVE_INFINITY, rate ?? Number.POSITIVE_INFINITY);
  return next === Number.POSITIVE_INFINITY ? undefined : Math.max(0, next - now);
}

/** Makes claimable what is due; says how many. */
export function promoteDue(space: MemorySpace, now: number): number {
  let promoted = 0;
  for (let row = space.due.minKey(); row !== undefined && (row.dueAt as number) <= now; row = space.due.minKey()) {
    const lane = row.status === "running" ? 0 : 1;
    space.change(row, { phase: "ready", lane, position: space.nextPosition(), readySince: now, dueAt: undefined });
    promoted += 1;
  }
  return promoted;
}

export function renewRows(space: MemorySpace, { owner, leaseMs, leases }: RenewRequest, now: number): RenewReport[] {
  return leases.map(({ id, fence }): RenewReport => {
    const row = space.rows.get(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { held: false, reason: reason ?? "unknown" };
    space.change(row, { leaseExpiresAt: now + leaseMs });
    return { held: true, expiresAt: now + leaseMs, ...holderNews(row) };
  });
}

export function holderNews(row: MemoryRow): { cancelRequested: boolean; reason?: string; lastSignal: number } {
  return { cancelRequested: row.cancelRequestedAt !== undefined, lastSignal: row.lastSignal, ...(row.reason !== undefined && { reason: row.reason }) };
}

export function changeRowSlots(space: MemorySpace, { owner, groupLimit, entries }: SlotRequest, now: number): SlotReport[] {
  return entries.map(({ id, fence, change }): SlotReport => {
    const row = space.rows.get(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { changed: false, reason: reason ?? "unknown" };
    if (change === "take" && !row.holdsSlot && createRooms(space, groupLimit).room(row.group) <= 0) return { changed: false, reason: "limited" };
    space.change(row, { holdsSlot: change !== "yield" });
    return { changed: true };
  });
}

export function sweepRows(space: MemorySpace, { limit = 1_000 }: SweepRequest, now: number): SweepReport {
  const due = promoteDue(space, now);
  const takenOver: string[] = [];
  const lost: string[] = [];
  const cancelled: string[] = [];
  for (let count = 0; count < limit; count++) {
    const row = space.leased.minKey();
    if (row === undefined || (row.leaseExpiresAt as number) > now) break;
    const free = { owner: undefined, leaseExpiresAt: undefined, holdsSlot: false };
    if (row.cancelRequestedAt !== undefined) {
      space.change(row, { ...free, status: "cancelled", phase: "final", completedAt: now, checkpoint: undefined });
      cancelled.push(row.start.id);
    } else if (row.takeovers >= row.start.maxTakeovers) {
      const takeovers = row.takeovers + 1;
      space.change(row, { ...free, status: "failed", phase: "final", completedAt: now, checkpoint: undefined, error: lostErrorText, takeovers });
      lost.push(row.start.id);
    } else {
      space.change(row, { ...free, status: "queued", phase: "ready", lane: 1, readySince: now, takeovers: row.takeovers + 1, attemptStep: 1 });
      takenOver.push(row.start.id);
    }
  }
  for (const [claimId, { at }] of space.claims) {
    if (at + claimMemoryMs > now) break;
    space.claims.delete(claimId);
  }
  const next = space.leased.minKey()?.leaseExpiresAt;
  return { takenOver, lost, cancelled, due, ...(next !== undefined && { nextExpiryInMs: Math.max(0, next - now) }) };
}
