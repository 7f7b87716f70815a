import type { AppendEventsReport, AppendEventsRequest, AppendSignalReport, AppendSignalsRequest, CancelReport, CancelRequest } from "../../ports/store-message.ts";
import type { MemorySpace } from "./memory-space.ts";

export function cancelRows(space: MemorySpace, { cancels }: CancelRequest, now: number): CancelReport[] {
  return cancels.map(({ id, reason, token }): CancelReport => {
    const row = space.rows.get(id);
    if (row === undefined) return { accepted: false, reason: "unknown" };
    if (row.phase === "final") return row.cancelToken === token ? { accepted: true, status: "cancelled" } : { accepted: false, reason: "final" };
    if (row.cancelRequestedAt !== undefined) return { accepted: true, status: "running" };
    const asked = { cancelRequestedAt: now, cancelToken: token, reason };
    if (row.phase === "leased") space.change(row, asked);
    else space.change(row, { ...asked, status: "cancelled", phase: "final", completedAt: now, dueAt: undefined, checkpoint: undefined });
    return { accepted: true, status: row.phase === "leased" ? "running" : "cancelled" };
  });
}

export function appendRowSignals(space: MemorySpace, { signals }: AppendSignalsRequest, now: number): AppendSignalReport[] {
  return signals.map(({ id, token, body }): AppendSignalReport => {
    const row = space.rows.get(id);
    if (row === undefined) return { accepted: false, reason: "unknown" };
    const earlier = row.signals.find((signal) => signal.token === token);
    if (earlier !== undefined) return { accepted: true, sequence: earlier.sequence, repeated: true };
    if (row.phase === "final") return { accepted: false, reason: "final" };
    row.lastSignal += 1;
    row.signals.push({ sequence: row.lastSignal, at: now, body, token });
    if (row.phase === "parked") space.change(row, { phase: "ready", lane: 0, position: space.nextPosition(), readySince: now, dueAt: undefined });
    return { accepted: true, sequence: row.lastSignal, repeated: false };
  });
}

export function appendRowEvents(space: MemorySpace, { owner, entries, maxEvents }: AppendEventsRequest, now: number): AppendEventsReport[] {
  return entries.map(({ id, fence, events }): AppendEventsReport => {
    const row = space.rows.get(id);
    if (row === undefined) return { appended: false, reason: "unknown" };
    const settled = row.owner === undefined && (owner === undefined || row.settledFence === fence);
    if (row.fence !== fence || !(settled || row.owner === owner)) return { appended: false, reason: "superseded" };
    let lastOrdinal = row.events.findLast((event) => event.fence === fence)?.ordinal ?? Number.NEGATIVE_INFINITY;
    for (const { ordinal, body } of events) {
      if (ordinal <= lastOrdinal) continue;
      lastOrdinal = ordinal;
      row.lastEvent += 1;
      row.events.push({ sequence: row.lastEvent, at: now, body, fence, ordinal });
    }
    if (row.events.length > maxEvents) row.events.splice(0, row.events.length - maxEvents);
    return { appended: true, lastSequence: row.lastEvent };
  });
}
