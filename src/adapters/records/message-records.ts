import { repeatedCancel, withCancelToken } from "../../model/cancel-tokens.ts";
import type {
  AppendEventsReport,
  AppendEventsRequest,
  AppendSignalReport,
  AppendSignalsRequest,
  CancelReport,
  CancelRequest,
} from "../../ports/store-message.ts";
import type { RecordSpace } from "./record-space.ts";

export function cancelRecords(space: RecordSpace, { cancels }: CancelRequest, now: number): CancelReport[] {
  return cancels.map(({ id, reason, token }): CancelReport => {
    const row = space.find(id);
    if (row === undefined) return { accepted: false, reason: "unknown" };
    if (row.phase === "final") {
      const status = repeatedCancel(row.cancelToken, token);
      return status === undefined ? { accepted: false, reason: "final" } : { accepted: true, status };
    }
    const asked = row.cancelRequestedAt === null ? { cancelRequestedAt: now, reason: reason ?? null } : {};
    if (row.phase === "leased") {
      const cancelToken = withCancelToken(row.cancelToken, token);
      if (cancelToken !== row.cancelToken) space.change(row, { ...asked, cancelToken });
      return { accepted: true, status: "running" };
    }
    const end = { status: "cancelled", phase: "final", completedAt: now, dueAt: null, checkpointBody: null } as const;
    space.change(row, { ...asked, cancelToken: token, ...end });
    return { accepted: true, status: "cancelled" };
  });
}

export function appendRecordSignals(space: RecordSpace, { signals }: AppendSignalsRequest, now: number): AppendSignalReport[] {
  return signals.map(({ id, token, body }): AppendSignalReport => {
    const row = space.find(id);
    if (row === undefined) return { accepted: false, reason: "unknown" };
    const earlier = space.signalByToken(row, token);
    if (earlier !== undefined) return { accepted: true, sequence: earlier, repeated: true };
    if (row.phase === "final") return { accepted: false, reason: "final" };
    const sequence = row.lastSignal + 1;
    space.addSignal(row, { sequence, at: now, body, token });
    const awake =
      row.phase === "parked" ? ({ phase: "ready", lane: 0, position: space.nextPosition(), readySince: now, dueAt: null } as const) : {};
    space.change(row, { lastSignal: sequence, ...awake });
    return { accepted: true, sequence, repeated: false };
  });
}

export function appendRecordEvents(
  space: RecordSpace,
  { owner, entries, maxEvents }: AppendEventsRequest,
  now: number,
): AppendEventsReport[] {
  return entries.map(({ id, fence, events }): AppendEventsReport => {
    const row = space.find(id);
    if (row === undefined) return { appended: false, reason: "unknown" };
    const settled = row.owner === null && (owner === undefined || row.settledFence === fence);
    if (row.fence !== fence || !(settled || row.owner === owner)) return { appended: false, reason: "superseded" };
    let lastOrdinal = space.lastOrdinal(row, fence) ?? Number.NEGATIVE_INFINITY;
    let sequence = row.lastEvent;
    for (const { ordinal, body } of events) {
      if (ordinal <= lastOrdinal) continue;
      lastOrdinal = ordinal;
      sequence += 1;
      space.addEvent(row, { sequence, at: now, body, fence, ordinal });
    }
    if (sequence > row.lastEvent) space.change(row, { lastEvent: sequence });
    if (sequence > maxEvents) space.dropEvents(row, sequence - maxEvents);
    return { appended: true, lastSequence: row.lastEvent };
  });
}
