import { leaseRefusal } from "../../model/lease.ts";
import { machineKey } from "../../model/stored-execution.ts";
import type { CheckpointReport, CheckpointRequest, NewCheckpoint, ParkReport, ParkRequest, Settlement, SettleReport, SettleRequest } from "../../ports/store-settle.ts";
import { holderNews } from "./memory-claim.ts";
import { leaseFacts, type MemoryRow } from "./memory-row.ts";
import type { MemorySpace } from "./memory-space.ts";

/** How long a consumed signal is remembered, so that its repetition is known as one. */
const signalMemoryMs = 300_000;

export function settleRows(space: MemorySpace, { owner, settlements }: SettleRequest, now: number): SettleReport[] {
  return settlements.map((settlement): SettleReport => {
    const row = space.rows.get(settlement.id);
    if (row !== undefined && row.settledFence === settlement.fence) return repeatedReport(row);
    const reason = leaseRefusal(leaseFacts(row), owner, settlement.fence, now);
    if (row === undefined || reason !== undefined) return { settled: false, reason: reason ?? "unknown" };
    settleRow(space, row, settlement, now);
    return { settled: true, status: settledStatus(row), at: row.completedAt ?? row.dueAt ?? now, repeated: false };
  });
}

function repeatedReport(row: MemoryRow): SettleReport {
  return { settled: true, status: settledStatus(row), at: row.completedAt ?? row.dueAt ?? row.readySince, repeated: true };
}

/** What is running again by now had been queued by the settlement. */
function settledStatus(row: MemoryRow): "queued" | "completed" | "failed" | "cancelled" {
  return row.status === "running" ? "queued" : row.status;
}

function settleRow(space: MemorySpace, row: MemoryRow, { fence, outcome, progress }: Settlement, now: number): void {
  const common: Partial<MemoryRow> = { owner: undefined, leaseExpiresAt: undefined, holdsSlot: false, settledFence: fence };
  if (progress !== undefined) common.progress = progress;
  const final: Partial<MemoryRow> = { ...common, phase: "final", completedAt: now, checkpoint: undefined };
  if ("abandoned" in outcome && outcome.abandoned) final.abandoned = true;
  if (row.cancelRequestedAt !== undefined) return space.change(row, { ...final, status: "cancelled" });
  switch (outcome.type) {
    case "complete":
      return space.change(row, { ...final, status: "completed", result: outcome.result, error: undefined });
    case "fail":
      return space.change(row, { ...final, status: "failed", error: outcome.error });
    case "cancel":
      return space.change(row, { ...final, status: "cancelled", reason: outcome.reason });
    case "retry": {
      const checkpoint = outcome.checkpoint === "keep" ? row.checkpoint : undefined;
      return space.change(row, { ...common, ...queued(outcome.delayMs, now), position: space.nextPosition(), attemptStep: 1, error: outcome.error, checkpoint });
    }
    case "release":
      return space.change(row, { ...common, ...queued(outcome.delayMs ?? 0, now) });
  }
}

function queued(delayMs: number, now: number): Partial<MemoryRow> {
  const later = delayMs > 0;
  return { status: "queued", phase: later ? "delayed" : "ready", lane: 1, readySince: now, dueAt: later ? now + delayMs : undefined };
}

export function checkpointRows(space: MemorySpace, { owner, entries }: CheckpointRequest, now: number): CheckpointReport[] {
  return entries.map(({ id, fence, checkpoint, progress }): CheckpointReport => {
    const row = space.rows.get(id);
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { saved: false, reason: reason ?? "unknown" };
    const stale = checkpoint !== undefined && checkpoint.revision <= (row.checkpoint?.revision ?? 0);
    if (!stale && progress !== undefined) row.progress = progress;
    if (!stale && checkpoint !== undefined) saveCheckpoint(row, checkpoint, now);
    return { saved: true, stale, ...holderNews(row) };
  });
}

function saveCheckpoint(row: MemoryRow, { revision, body, consumedSignal, machineVersion }: NewCheckpoint, now: number): void {
  row.checkpoint = { revision, body };
  row.consumedSignal = Math.max(row.consumedSignal, consumedSignal);
  row.signals = row.signals.filter(({ sequence, at }) => sequence > row.consumedSignal || at + signalMemoryMs > now);
  if (machineVersion === undefined) return;
  row.machineVersion = machineVersion;
  // A leased record is in no index that looks at the key.
  row.machineKey = machineKey(row.start.machineId, machineVersion);
}

export function parkRows(space: MemorySpace, { owner, entries }: ParkRequest, now: number): ParkReport[] {
  return entries.map(({ id, fence, checkpoint, progress, wakeInMs }): ParkReport => {
    const row = space.rows.get(id);
    if (row !== undefined && row.settledFence === fence) return { parked: true, repeated: true };
    const reason = leaseRefusal(leaseFacts(row), owner, fence, now);
    if (row === undefined || reason !== undefined) return { parked: false, reason: reason ?? "unknown" };
    if (row.cancelRequestedAt !== undefined) return { parked: false, reason: "cancelRequested" };
    if (row.lastSignal > checkpoint.consumedSignal) return { parked: false, reason: "unreadSignal" };
    saveCheckpoint(row, checkpoint, now);
    if (progress !== undefined) row.progress = progress;
    const dueAt = wakeInMs === undefined ? undefined : now + wakeInMs;
    space.change(row, { phase: "parked", owner: undefined, leaseExpiresAt: undefined, holdsSlot: false, settledFence: fence, dueAt });
    return { parked: true, repeated: false };
  });
}
