import { leaseRefusal } from "../../model/lease.ts";
import { machineKey } from "../../model/stored-execution.ts";
import type {
  CheckpointReport,
  CheckpointRequest,
  NewCheckpoint,
  ParkReport,
  ParkRequest,
  Settlement,
  SettleReport,
  SettleRequest,
} from "../../ports/store-settle.ts";
import { holderNews } from "./claim-records.ts";
import { leaseFacts, type RecordChanges, type RecordRow } from "./record-row.ts";
import type { RecordSpace } from "./record-space.ts";

/** How long a consumed signal is remembered, so that its repetition is known as one. */
const signalMemoryMs = 300_000;

export function settleRecords(space: RecordSpace, { owner, settlements }: SettleRequest, now: number): SettleReport[] {
  return settlements.map((settlement): SettleReport => {
    const { outcome } = settlement;
    if (outcome.type === "complete" && space.completeIfHeld?.(settlement, outcome.result ?? null, owner, now))
      return { settled: true, status: "completed", at: now, repeated: false };
    const row = space.find(settlement.id);
    if (row !== undefined && row.settledFence === settlement.fence) return repeatedReport(row);
    const reason = leaseRefusal(leaseFacts(row), owner, settlement.fence, now);
    if (row === undefined || reason !== undefined) return { settled: false, reason: reason ?? "unknown" };
    space.change(row, settled(space, row, settlement, now));
    return { settled: true, status: settledStatus(row), at: row.completedAt ?? row.dueAt ?? now, repeated: false };
  });
}

function repeatedReport(row: RecordRow): SettleReport {
  return { settled: true, status: settledStatus(row), at: row.completedAt ?? row.dueAt ?? row.readySince, repeated: true };
}

/** What is running again by now had been queued by the settlement. */
function settledStatus(row: RecordRow): "queued" | "completed" | "failed" | "cancelled" {
  return row.status === "running" ? "queued" : row.status;
}

function ended(settlement: Settlement, now: number): RecordChanges {
  return { ...given(settlement), phase: "final", completedAt: now, checkpointBody: null };
}

/** What changes whatever becomes of it. */
function given({ fence, progress }: Settlement): RecordChanges {
  const changes: RecordChanges = { owner: null, claimId: null, leaseExpiresAt: null, holdsSlot: 0, settledFence: fence };
  if (progress !== undefined) changes.progress = progress;
  return changes;
}

function settled(space: RecordSpace, row: RecordRow, settlement: Settlement, now: number): RecordChanges {
  const { outcome } = settlement;
  const final = ended(settlement, now);
  if ("abandoned" in outcome && outcome.abandoned) final.abandoned = 1;
  if (row.cancelRequestedAt !== null) return { ...final, status: "cancelled" };
  switch (outcome.type) {
    case "complete":
      return { ...final, status: "completed", result: outcome.result ?? null, error: null };
    case "fail":
      return { ...final, status: "failed", error: outcome.error };
    case "cancel":
      return { ...final, status: "cancelled", reason: outcome.reason ?? null };
    case "retry": {
      const dropped = outcome.checkpoint === "keep" ? {} : { checkpointBody: null, checkpointRevision: 0 };
      return {
        ...given(settlement),
        ...queued(outcome.delayMs, now),
        position: space.nextPosition(),
        attemptStep: 1,
        error: outcome.error,
        ...dropped,
      };
    }
    case "release":
      return { ...given(settlement), ...queued(outcome.delayMs ?? 0, now) };
  }
}

function queued(delayMs: number, now: number): RecordChanges {
  const later = delayMs > 0;
  return { status: "queued", phase: later ? "delayed" : "ready", lane: 1, readySince: now, dueAt: later ? now + delayMs : null };
}

export function checkpointRecords(space: RecordSpace, { owner, entries }: CheckpointRequest, now: number): CheckpointReport[] {
  return entries.map(({ id, fence, checkpoint, progress }): CheckpointReport => {
    const row = space.find(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { saved: false, reason: reason ?? "unknown" };
    const stale = checkpoint !== undefined && checkpoint.revision <= row.checkpointRevision;
    if (!stale) {
      space.change(row, {
        ...(progress !== undefined && { progress }),
        ...(checkpoint !== undefined && checkpointChanges(row, checkpoint)),
      });
      if (checkpoint !== undefined) space.dropSignals(row, row.consumedSignal, now - signalMemoryMs);
    }
    return { saved: true, stale, ...holderNews(row) };
  });
}

function checkpointChanges(row: RecordRow, { revision, body, consumedSignal, machineVersion }: NewCheckpoint): RecordChanges {
  const version = machineVersion === undefined ? {} : { machineVersion, machineKey: machineKey(row.machineId, machineVersion) };
  return { checkpointRevision: revision, checkpointBody: body, consumedSignal: Math.max(row.consumedSignal, consumedSignal), ...version };
}

export function parkRecords(space: RecordSpace, { owner, entries }: ParkRequest, now: number): ParkReport[] {
  return entries.map(({ id, fence, checkpoint, progress, wakeInMs }): ParkReport => {
    const row = space.find(id);
    if (row !== undefined && row.settledFence === fence) return { parked: true, repeated: true };
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { parked: false, reason: reason ?? "unknown" };
    if (row.cancelRequestedAt !== null) return { parked: false, reason: "cancelRequested" };
    if (row.lastSignal > checkpoint.consumedSignal) return { parked: false, reason: "unreadSignal" };
    space.change(row, {
      ...checkpointChanges(row, checkpoint),
      ...(progress !== undefined && { progress }),
      phase: "parked",
      owner: null,
      leaseExpiresAt: null,
      holdsSlot: 0,
      settledFence: fence,
      dueAt: wakeInMs === undefined ? null : now + wakeInMs,
    });
    space.dropSignals(row, row.consumedSignal, now - signalMemoryMs);
    return { parked: true, repeated: false };
  });
}
