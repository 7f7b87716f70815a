import { type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type { RecordRow } from "./record-row.ts";
import type { RecordSpace } from "./record-space.ts";

export function insertRecords(space: RecordSpace, request: InsertRequest, now: number): readonly InsertReport[] {
  const added: RecordRow[] = [];
  let room = request.maxQueued === undefined ? Number.POSITIVE_INFINITY : request.maxQueued - space.queuedCount();
  const reports = request.executions.map((execution): InsertReport => {
    const refusal =
      refuse(space, execution) ?? (room <= 0 ? ({ inserted: false, reason: "full", queued: space.queuedCount() } as const) : undefined);
    if (refusal !== undefined) return refusal;
    room -= 1;
    added.push(space.add(execution, now));
    return { inserted: true, id: execution.id, queuedAt: now, repeated: false };
  });
  if (!request.atomic || reports.every((report) => report.inserted || report.reason === "existing")) return reports;
  for (const row of added) space.remove(row);
  return reports.map((report) => (report.inserted ? { inserted: false, reason: "atomic" } : report));
}

function refuse(space: RecordSpace, execution: NewExecution): InsertReport | undefined {
  const detail = unstorablePart(execution);
  if (detail !== undefined) return { inserted: false, reason: "unstorable", detail };
  const sameKey = execution.idempotencyKey === undefined ? undefined : space.findByKey(execution.idempotencyKey);
  const existing = sameKey ?? space.find(execution.id);
  if (existing === undefined) return undefined;
  const { id, startToken, inputHash, queuedAt } = existing;
  if (startToken === execution.startToken) return { inserted: true, id, queuedAt, repeated: true };
  if (sameKey === undefined) return { inserted: false, reason: "duplicate", existingId: id };
  return { inserted: false, reason: inputHash === (execution.inputHash ?? null) ? "existing" : "conflict", existingId: id };
}
