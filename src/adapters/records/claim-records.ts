import { createRooms, planClaim } from "../../model/claim-plan.ts";
import { leaseRefusal, slotOrderOf } from "../../model/lease.ts";
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
import { leaseFacts, type RecordRow } from "./record-row.ts";
import type { RecordSpace } from "./record-space.ts";

export function claimRecords(space: RecordSpace, request: ClaimRequest, now: number): ClaimReport {
  const earlier = space.recallClaim(request.claimId);
  if (earlier !== undefined) return { executions: earlier.map((row) => space.whole(row) as ClaimedExecution), refused: [] };
  promoteDue(space, now);
  const limit = Math.min(request.limit, rateRoom(space, request, now));
  const { rows, refused } =
    request.ids === undefined ? { ...pickRows(space, request, limit), refused: [] } : pickIds(space, request, request.ids, limit);
  leaseAll(space, rows, request, now);
  if (rows.length > 0 && request.rateLimit !== undefined) space.recordClaims(now, rows.length);
  const executions = rows.map((row) => space.whole(row) as ClaimedExecution);
  const nextDueInMs = rows.length < request.limit ? nextDue(space, request, now) : undefined;
  return { executions, refused, ...(nextDueInMs !== undefined && { nextDueInMs }) };
}

export function runsMachine({ machineId, versions }: MachineSelector): (key: string) => boolean {
  if (versions === "any") return (key) => key.startsWith(machineKey(machineId, ""));
  const keys = new Set([machineKey(machineId, undefined), ...versions.map((version) => machineKey(machineId, version))]);
  return (key) => keys.has(key);
}

function pickRows(space: RecordSpace, request: ClaimRequest, limit: number): { rows: RecordRow[] } {
  const { groupLimit } = request;
  const plan = planClaim(space, { limit, runs: runsMachine(request), turn: space.turn, ...(groupLimit !== undefined && { groupLimit }) });
  space.turn = plan.turn;
  return plan;
}

function pickIds(
  space: RecordSpace,
  request: ClaimRequest,
  ids: readonly string[],
  limit: number,
): { rows: RecordRow[]; refused: { id: string; reason: ClaimRefusal }[] } {
  const rows: RecordRow[] = [];
  const refused: { id: string; reason: ClaimRefusal }[] = [];
  const runs = runsMachine(request);
  const rooms = createRooms(space, request.groupLimit);
  const rateLimited = request.rateLimit === undefined ? Number.POSITIVE_INFINITY : limit;
  for (const id of new Set(ids)) {
    const row = space.find(id);
    const reason = claimRefusal(row) ?? (runs((row as RecordRow).machineKey) ? undefined : "machine");
    if (row === undefined || reason !== undefined) refused.push({ id, reason: reason ?? "unknown" });
    else if (rows.length >= rateLimited || rooms.room(row.group) <= 0) refused.push({ id, reason: "limited" });
    else {
      rooms.use(row.group, 1);
      rows.push(row);
    }
  }
  return { rows, refused };
}

function claimRefusal(row: RecordRow | undefined): ClaimRefusal | undefined {
  if (row === undefined) return "unknown";
  if (row.phase === "final" || row.phase === "leased") return row.phase;
  return row.phase === "ready" ? undefined : "notDue";
}

function leaseAll(space: RecordSpace, rows: readonly RecordRow[], { owner, claimId, leaseMs }: ClaimRequest, now: number): void {
  for (const alike of groupBy(
    rows,
    ({ status, fence, attempt, attemptStep, startedAt }) => `${status} ${fence} ${attempt} ${attemptStep} ${startedAt}`,
  )) {
    const { fence, attempt, attemptStep, startedAt } = alike[0] as RecordRow;
    space.changeAll(alike, {
      status: "running",
      phase: "leased",
      owner,
      claimId,
      leaseExpiresAt: now + leaseMs,
      fence: fence + 1,
      attempt: attempt + attemptStep,
      attemptStep: 0,
      holdsSlot: 1,
      dueAt: null,
      startedAt: startedAt ?? now,
    });
  }
}

function groupBy(rows: readonly RecordRow[], keyOf: (row: RecordRow) => string): Iterable<RecordRow[]> {
  const groups = new Map<string, RecordRow[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups.values();
}

function rateRoom(space: RecordSpace, { rateLimit }: ClaimRequest, now: number): number {
  if (rateLimit === undefined) return Number.POSITIVE_INFINITY;
  const used = space.claimsAfter(now - rateLimit.intervalMs).reduce((sum, { count }) => sum + count, 0);
  return Math.max(0, rateLimit.limit - used);
}

function nextDue(space: RecordSpace, request: ClaimRequest, now: number): number | undefined {
  const { rateLimit } = request;
  const oldest =
    rateLimit !== undefined && rateRoom(space, request, now) === 0 ? space.claimsAfter(now - rateLimit.intervalMs)[0] : undefined;
  const next = Math.min(
    space.nextDueAt() ?? Number.POSITIVE_INFINITY,
    oldest === undefined ? Number.POSITIVE_INFINITY : oldest.at + (rateLimit?.intervalMs ?? 0),
  );
  return next === Number.POSITIVE_INFINITY ? undefined : Math.max(0, next - now);
}

/** How many due records one call makes claimable; the rest is the next call's. */
const maxPromoted = 1_000;

/** Makes claimable what is due; says how many. */
function promoteDue(space: RecordSpace, now: number): number {
  const due = space.dueBy(now, maxPromoted);
  for (const row of due) {
    const lane = row.status === "running" ? 0 : 1;
    space.change(row, { phase: "ready", lane, position: space.nextPosition(), readySince: now, dueAt: null });
  }
  return due.length;
}

export function renewRecords(space: RecordSpace, { owner, leaseMs, leases }: RenewRequest, now: number): RenewReport[] {
  return leases.map(({ id, fence }): RenewReport => {
    const row = space.find(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { held: false, reason: reason ?? "unknown" };
    space.change(row, { leaseExpiresAt: now + leaseMs });
    return { held: true, expiresAt: now + leaseMs, ...holderNews(row) };
  });
}

export function holderNews(row: RecordRow): { cancelRequested: boolean; reason?: string; lastSignal: number } {
  return {
    cancelRequested: row.cancelRequestedAt !== null,
    lastSignal: row.lastSignal,
    ...(row.reason !== null && { reason: row.reason }),
  };
}

export function changeRecordSlots(space: RecordSpace, { owner, groupLimit, entries }: SlotRequest, now: number): SlotReport[] {
  return entries.map(({ id, fence, change, order }): SlotReport => {
    const row = space.find(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { changed: false, reason: reason ?? "unknown" };
    const slotOrder = order === undefined ? row.slotOrder : slotOrderOf(fence, order);
    if (slotOrder < row.slotOrder) return { changed: true };
    if (change === "take" && row.holdsSlot === 0 && createRooms(space, groupLimit).room(row.group) <= 0)
      return { changed: false, reason: "limited" };
    space.change(row, { holdsSlot: change === "yield" ? 0 : 1, slotOrder });
    return { changed: true };
  });
}

export function sweepRecords(space: RecordSpace, { limit = 1_000 }: SweepRequest, now: number): SweepReport {
  const due = promoteDue(space, now);
  const takenOver: string[] = [];
  const lost: string[] = [];
  const cancelled: string[] = [];
  for (const row of space.expiredBy(now, limit)) {
    const free = { owner: null, leaseExpiresAt: null, holdsSlot: 0 };
    if (row.cancelRequestedAt !== null) {
      space.change(row, { ...free, status: "cancelled", phase: "final", completedAt: now, checkpointBody: null });
      cancelled.push(row.id);
    } else if (row.takeovers >= row.maxTakeovers) {
      const takeovers = row.takeovers + 1;
      space.change(row, {
        ...free,
        status: "failed",
        phase: "final",
        completedAt: now,
        checkpointBody: null,
        error: lostErrorText,
        takeovers,
      });
      lost.push(row.id);
    } else {
      space.change(row, {
        ...free,
        status: "queued",
        phase: "ready",
        lane: 1,
        readySince: now,
        takeovers: row.takeovers + 1,
        attemptStep: 1,
      });
      takenOver.push(row.id);
    }
  }
  const next = space.nextExpiryAt();
  return { takenOver, lost, cancelled, due, ...(next !== undefined && { nextExpiryInMs: Math.max(0, next - now) }) };
}
