import { type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type { MemoryRow } from "./memory-row.ts";
import type { MemorySpace } from "./memory-space.ts";

export function insertRows(space: MemorySpace, request: InsertRequest, now: number): readonly InsertReport[] {
  const added: MemoryRow[] = [];
  const reports = request.executions.map((execution): InsertReport => {
    const refusal = refuse(space, execution, request.maxQueued);
    if (refusal !== undefined) return refusal;
    added.push(space.add(execution, now));
    return { inserted: true, id: execution.id, queuedAt: now, repeated: false };
  });
  if (!request.atomic || reports.every((report) => report.inserted)) return reports;
  for (const row of added) space.remove(row);
  return reports.map((report) => (report.inserted ? { inserted: false, reason: "atomic" } : report));
}

function refuse(space: MemorySpace, execution: NewExecution, maxQueued = Number.POSITIVE_INFINITY): InsertReport | undefined {
  const detail = unstorablePart(execution);
  if (detail !== undefined) return { inserted: false, reason: "unstorable", detail };
  const sameKey = execution.idempotencyKey === undefined ? undefined : space.byKey.get(execution.idempotencyKey);
  const existing = sameKey ?? space.rows.get(execution.id);
  if (existing !== undefined) {
    const { id, startToken, inputHash } = existing.start;
    if (startToken === execution.startToken) return { inserted: true, id, queuedAt: existing.queuedAt, repeated: true };
    if (sameKey === undefined) return { inserted: false, reason: "duplicate", existingId: id };
    return { inserted: false, reason: inputHash === execution.inputHash ? "existing" : "conflict", existingId: id };
  }
  return space.queued >= maxQueued ? { inserted: false, reason: "full", queued: space.queued } : undefined;
}
