import { type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type { RecordRow } from "./record-row.ts";
import type { RecordSpace } from "./record-space.ts";

export function insertRecords(space: RecordSpace, request: InsertRequest, now: number): readonly InsertReport[] {
  const { executions, atomic, maxQueued } = request;
  const added: string[] = [];
  let room = maxQueued === undefined ? Number.POSITIVE_INFINITY : maxQueued - space.counts().queued;
  const reports = executions.map((execution): InsertReport => {
    const detail = unstorablePart(execution);
    if (detail !== undefined) return { inserted: false, reason: "unstorable", detail };
    if (room <= 0) return reportExisting(space, execution) ?? { inserted: false, reason: "full", queued: space.counts().queued };
    if (!space.add(execution, now)) return reportExisting(space, execution) as InsertReport;
    room -= 1;
    added.push(execution.id);
    return { inserted: true, id: execution.id, queuedAt: now, repeated: false };
  });
  if (!atomic || reports.every((report) => report.inserted || report.reason === "existing")) return reports;
  for (const id of added) space.remove(space.find(id) as RecordRow);
  return reports.map((report) => (report.inserted ? { inserted: false, reason: "atomic" } : report));
}

/** When its key or its id is taken. */
function reportExisting(space: RecordSpace, execution: NewExecution): InsertReport | undefined {
  const sameKey = execution.idempotencyKey === undefined ? undefined : space.findByKey(execution.idempotencyKey);
  const existing = sameKey ?? space.find(execution.id);
  if (existing === undefined) return undefined;
  const { id, startToken, inputHash, queuedAt } = existing;
  if (startToken === execution.startToken) return { inserted: true, id, queuedAt, repeated: true };
  if (sameKey === undefined) return { inserted: false, reason: "duplicate", existingId: id };
  return { inserted: false, reason: inputHash === (execution.inputHash ?? null) ? "existing" : "conflict", existingId: id };
}
