import type { LedgerEntry } from "./ledger.ts";
import type { SimulatedStore } from "./simulated-store.ts";

type Row = NonNullable<ReturnType<SimulatedStore["row"]>>;

const compared: readonly [what: string, stored: (row: Row) => unknown, right: (entry: LedgerEntry) => unknown][] = [
  ["status", ({ status }) => status, ({ status }) => status],
  ["fence", ({ fence }) => fence, ({ fence }) => fence],
  ["attempt", ({ attempt }) => attempt, ({ attempt }) => attempt],
  ["takeovers", ({ takeovers }) => takeovers, ({ takeovers }) => takeovers],
  ["owner", ({ owner }) => owner ?? undefined, ({ owner }) => owner],
  ["lease's end", ({ leaseExpiresAt }) => leaseExpiresAt ?? undefined, ({ expiresAt }) => expiresAt],
  ["slot", ({ holdsSlot }) => holdsSlot === 1, ({ holdsSlot }) => holdsSlot],
  ["cancel", ({ cancelRequestedAt }) => cancelRequestedAt !== null, ({ cancelled }) => cancelled],
  ["last signal", ({ lastSignal }) => lastSignal, ({ signals }) => signals.length],
  ["last consumed signal", ({ consumedSignal }) => consumedSignal, ({ consumed }) => consumed],
];

/** In what the record in the store is not what the ledger says, or, after its end, what it was when it ended; undefined where it is. */
export function faultOfRecord(entry: LedgerEntry, row: Row | undefined): string | undefined {
  if (row === undefined) return "its record is gone";
  for (const [what, stored, right] of compared) {
    if (stored(row) !== right(entry)) return `its ${what} is ${stored(row)}, and should be ${right(entry)}`;
  }
  if (entry.place !== "final") return undefined;
  const whole = row as unknown as { result: unknown; error: unknown; progress: unknown; abandoned: unknown };
  const end = [row.status, row.completedAt, row.reason, whole.result, whole.error, whole.progress, whole.abandoned].join("|");
  entry.end ??= end;
  return entry.end === end ? undefined : "its final record was changed";
}
