import type { LedgerEntry } from "./ledger.ts";
import type { SimulatedStore } from "./simulated-store.ts";

/** In what the record in the store is not what the ledger says, or, after its end, what it was when it ended; undefined where it is. */
export function faultOfRecord(entry: LedgerEntry, row: ReturnType<SimulatedStore["row"]>): string | undefined {
  if (row === undefined) return "its record is gone";
  const wrong = [
    ["status", row.status, entry.status],
    ["fence", row.fence, entry.fence],
    ["attempt", row.attempt, entry.attempt],
    ["takeovers", row.takeovers, entry.takeovers],
    ["owner", row.owner ?? undefined, entry.owner],
    ["lease's end", row.leaseExpiresAt ?? undefined, entry.expiresAt],
    ["slot", row.holdsSlot === 1, entry.holdsSlot],
    ["cancel", row.cancelRequestedAt !== null, entry.cancelled],
    ["last signal", row.lastSignal, entry.signals.length],
    ["last consumed signal", row.consumedSignal, entry.consumed],
  ].find(([, stored, right]) => stored !== right);
  if (wrong !== undefined) return `its ${wrong[0]} is ${wrong[1]}, and should be ${wrong[2]}`;
  if (entry.place !== "final") return undefined;
  const whole = row as unknown as { result: unknown; error: unknown; progress: unknown; abandoned: unknown };
  const end = [row.status, row.completedAt, row.reason, whole.result, whole.error, whole.progress, whole.abandoned].join("|");
  entry.end ??= end;
  return entry.end === end ? undefined : "its final record was changed";
}
