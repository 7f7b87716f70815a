import type { JsonText } from "../../model/json-text.ts";
import { type LeaseRefusal, slotOrderOf } from "../../model/lease.ts";
import { lostErrorText } from "../../model/store-errors.ts";
import { machineKey, type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { RenewReport, RenewRequest, SlotReport, SlotRequest, SweepReport, SweepRequest } from "../../ports/store-claim.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type {
  AppendEventsReport,
  AppendEventsRequest,
  AppendSignalReport,
  AppendSignalsRequest,
  CancelReport,
  CancelRequest,
} from "../../ports/store-message.ts";
import type { CheckpointEntry, CheckpointReport, ParkEntry, ParkReport } from "../../ports/store-settle.ts";
import { integer, limitsOf, parameters, toColumn } from "./postgres-claims.ts";
import type { PostgresClientLike } from "./postgres-client.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { fromReason, storable } from "./postgres-reads.ts";

/** Rows that know which item of the request they belong to, in the order of the items. */
function inOrder<Row extends { o_ord: number }>(rows: readonly Row[], count: number): (Row | undefined)[] {
  const ordered: (Row | undefined)[] = new Array(count);
  for (const row of rows) ordered[row.o_ord - 1] = row;
  return ordered;
}

export async function insertExecutions(
  connection: PostgresConnection,
  request: InsertRequest,
  on: PostgresClientLike | undefined,
): Promise<InsertReport[]> {
  const details = request.executions.map(unstorablePart);
  const good = request.executions.filter((_, index) => details[index] === undefined);
  const spoiled = request.atomic === true && good.length < request.executions.length;
  const rows = good.length === 0 || spoiled ? [] : await insertRows(connection, request, good, on);
  const [first] = rows;
  const all = first?.o_ord === 0 ? first : undefined;
  let next = 0;
  return details.map((detail, index): InsertReport => {
    if (detail !== undefined) return { inserted: false, reason: "unstorable", detail };
    if (spoiled) return { inserted: false, reason: "atomic" };
    const id = request.executions[index]?.id ?? "";
    if (all !== undefined) return { inserted: true, id, queuedAt: all.o_queued_at, repeated: false };
    const row = rows[next++];
    switch (row?.o_outcome) {
      case "inserted":
      case "repeated":
        return { inserted: true, id: row.o_id, queuedAt: row.o_queued_at, repeated: row.o_outcome === "repeated" };
      case "full":
        return { inserted: false, reason: "full", queued: row.o_queued };
      case "atomic":
        return { inserted: false, reason: "atomic" };
      default:
        return { inserted: false, reason: (row?.o_outcome ?? "duplicate") as "duplicate", existingId: row?.o_id ?? id };
    }
  });
}

interface InsertRow {
  /** Counted from 1; 0 where one row is for all, because all were inserted. */
  readonly o_ord: number;
  readonly o_outcome: string;
  readonly o_id: string;
  readonly o_queued_at: number;
  readonly o_queued: number;
}

async function insertRows(
  connection: PostgresConnection,
  { name, atomic, maxQueued }: InsertRequest,
  executions: readonly NewExecution[],
  on?: PostgresClientLike,
) {
  const column = <Value>(of: (execution: NewExecution) => Value | undefined) => toColumn(executions, of);
  /** What all have in common is sent once: the others take it from the first. */
  const required = <Value>(of: (execution: NewExecution) => Value) => {
    const values = executions.map(of);
    return values.every((value) => value === values[0]) ? values.slice(0, 1) : values;
  };
  const values = [
    name,
    atomic === true,
    maxQueued === undefined || maxQueued === Number.POSITIVE_INFINITY ? null : integer(maxQueued),
    column(({ id }) => id),
    column(({ startToken }) => startToken),
    column(({ inputHash }) => inputHash),
    column(({ idempotencyKey }) => idempotencyKey),
    required(({ priority }) => -priority),
    required(({ group }) => group ?? ""),
    required(({ machineId }) => machineId),
    column(({ machineVersion }) => machineVersion),
    required(({ machineId, machineVersion }) => machineKey(machineId, machineVersion)),
    required(({ maxAttempts }) => integer(maxAttempts)),
    required(({ maxTakeovers }) => integer(maxTakeovers)),
    column(({ delayMs }) => delayMs),
    column(({ timeoutMs }) => timeoutMs),
    required(({ tags }) => JSON.stringify(tags)),
    column(({ input }) => input),
    column(({ settings }) => settings),
    column(({ retry }) => retry),
    column(({ trace }) => trace),
  ];
  const rows = await connection.query<InsertRow>(`SELECT * FROM S.insert_executions(${parameters(values.length)})`, values, on);
  return rows.sort((a, b) => a.o_ord - b.o_ord);
}

interface NewsRow {
  readonly o_ord: number;
  readonly o_refusal: string | null;
  readonly o_cancel: boolean;
  readonly o_reason: string | null;
  readonly o_last_signal: number;
}

function toNews({ o_cancel, o_reason, o_last_signal }: NewsRow) {
  const reason = fromReason(o_reason);
  return { cancelRequested: o_cancel, lastSignal: o_last_signal, ...(reason !== undefined && { reason }) };
}

export async function renewLeases(connection: PostgresConnection, { name, owner, leaseMs, leases }: RenewRequest): Promise<RenewReport[]> {
  // Locked in the order of ids by every statement that changes several.
  const values = [name, owner, leaseMs, leases.map(({ id }) => storable(id)), leases.map(({ fence }) => fence)];
  const rows = await connection.query<NewsRow & { o_expires: number }>("SELECT * FROM S.renew($1, $2, $3, $4, $5)", values);
  return inOrder(rows, leases.length).map((row): RenewReport => {
    if (row === undefined || row.o_refusal !== null) return { held: false, reason: (row?.o_refusal ?? "unknown") as LeaseRefusal };
    return { held: true, expiresAt: row.o_expires, ...toNews(row) };
  });
}

export async function changeSlots(
  connection: PostgresConnection,
  { name, owner, groupLimit, entries }: SlotRequest,
): Promise<SlotReport[]> {
  const ids = entries.map(({ id }) => storable(id));
  const groups = typeof groupLimit === "function" ? await limitsOf(connection, name, groupLimit, ids) : undefined;
  const fallback = typeof groupLimit === "number" ? integer(groupLimit) : null;
  const values = [
    name,
    owner,
    ids,
    entries.map(({ fence }) => fence),
    entries.map(({ change }) => change),
    entries.map(({ fence, order }) => (order === undefined ? null : slotOrderOf(fence, order))),
    fallback,
    groups?.groups ?? null,
    groups?.limits ?? null,
  ];
  const rows = await connection.query<{ o_ord: number; o_refusal: string | null }>(
    `SELECT * FROM S.change_slots(${parameters(9)})`,
    values,
  );
  return inOrder(rows, entries.length).map(
    (row): SlotReport => (row?.o_refusal ? { changed: false, reason: row.o_refusal as LeaseRefusal } : { changed: true }),
  );
}

async function save(
  connection: PostgresConnection,
  name: string,
  owner: string,
  park: boolean,
  entries: readonly (CheckpointEntry & { wakeInMs?: number })[],
) {
  const of = <Value>(pick: (entry: CheckpointEntry & { wakeInMs?: number }) => Value | undefined) => toColumn(entries, pick);
  const values = [
    name,
    owner,
    park,
    of(({ id }) => storable(id)),
    of(({ fence }) => fence),
    of(({ checkpoint }) => checkpoint?.revision),
    of<JsonText>(({ checkpoint }) => checkpoint?.body),
    of(({ checkpoint }) => checkpoint?.consumedSignal),
    of(({ checkpoint }) => checkpoint?.machineVersion),
    of<JsonText>(({ progress }) => progress),
    of(({ wakeInMs }) => wakeInMs),
  ];
  const rows = await connection.query<NewsRow & { o_stale: boolean | null }>(`SELECT * FROM S.save(${parameters(values.length)})`, values);
  return inOrder(rows, entries.length);
}

export async function saveCheckpoints(
  connection: PostgresConnection,
  name: string,
  owner: string,
  entries: readonly CheckpointEntry[],
): Promise<CheckpointReport[]> {
  return (await save(connection, name, owner, false, entries)).map((row): CheckpointReport => {
    if (row === undefined || row.o_refusal !== null) return { saved: false, reason: (row?.o_refusal ?? "unknown") as LeaseRefusal };
    return { saved: true, stale: row.o_stale === true, ...toNews(row) };
  });
}

export async function parkExecutions(
  connection: PostgresConnection,
  name: string,
  owner: string,
  entries: readonly ParkEntry[],
): Promise<ParkReport[]> {
  return (await save(connection, name, owner, true, entries)).map((row): ParkReport => {
    if (row?.o_refusal === null || row?.o_refusal === "repeated") return { parked: true, repeated: row.o_refusal !== null };
    return { parked: false, reason: (row?.o_refusal ?? "unknown") as LeaseRefusal };
  });
}

export async function sweepLeases(connection: PostgresConnection, { name, limit = 1_000 }: SweepRequest): Promise<SweepReport> {
  const rows = await connection.query<{ o_id: string | null; o_outcome: string; o_due: number; o_next: number | null }>(
    "SELECT * FROM S.sweep($1, $2, $3)",
    [name, limit, lostErrorText],
  );
  const which = (outcome: string) => rows.flatMap(({ o_id, o_outcome }) => (o_id !== null && o_outcome === outcome ? [o_id] : []));
  const last = rows.at(-1);
  const next = last?.o_next ?? undefined;
  return {
    takenOver: which("takenOver"),
    lost: which("lost"),
    cancelled: which("cancelled"),
    due: last?.o_due ?? 0,
    ...(next !== undefined && { nextExpiryInMs: next }),
  };
}

export async function cancelExecutions(connection: PostgresConnection, { name, cancels }: CancelRequest): Promise<CancelReport[]> {
  const reasons = cancels.map(({ reason }) => (reason === undefined ? null : JSON.stringify(reason)));
  const values = [name, cancels.map(({ id }) => storable(id)), reasons, cancels.map(({ token }) => token)];
  const rows = await connection.query<{ o_ord: number; o_outcome: string }>("SELECT * FROM S.cancel($1, $2, $3, $4)", values);
  return inOrder(rows, cancels.length).map((row): CancelReport => {
    const outcome = row?.o_outcome ?? "unknown";
    return outcome === "running" || outcome === "cancelled"
      ? { accepted: true, status: outcome }
      : { accepted: false, reason: outcome as "unknown" };
  });
}

export async function appendSignals(
  connection: PostgresConnection,
  { name, signals }: AppendSignalsRequest,
): Promise<AppendSignalReport[]> {
  const values = [name, signals.map(({ id }) => storable(id)), signals.map(({ token }) => token), signals.map(({ body }) => body)];
  const rows = await connection.query<{ o_ord: number; o_refusal: string | null; o_sequence: number }>(
    "SELECT * FROM S.append_signals($1, $2, $3, $4)",
    values,
  );
  return inOrder(rows, signals.length).map((row): AppendSignalReport => {
    if (row?.o_refusal === null || row?.o_refusal === "repeated")
      return { accepted: true, sequence: row.o_sequence, repeated: row.o_refusal !== null };
    return { accepted: false, reason: (row?.o_refusal ?? "unknown") as "unknown" };
  });
}

export async function appendEvents(
  connection: PostgresConnection,
  { name, owner, entries, maxEvents }: AppendEventsRequest,
): Promise<AppendEventsReport[]> {
  // An entry without events is one row without an event, so that it gets its report.
  const none = [{ ordinal: null, body: null }];
  const flat = entries.flatMap(({ id, fence, events }, entry) => {
    const some: readonly { ordinal: number | null; body: string | null }[] = events.length === 0 ? none : events;
    return some.map(({ ordinal, body }) => ({ entry, id, fence, ordinal, body }));
  });
  const values = [
    name,
    owner ?? null,
    maxEvents,
    flat.map(({ entry }) => entry),
    flat.map(({ id }) => storable(id)),
    flat.map(({ fence }) => fence),
    flat.map(({ ordinal }) => ordinal),
    flat.map(({ body }) => body),
  ];
  const rows = await connection.query<{ o_entry: number; o_refusal: string | null; o_sequence: number }>(
    `SELECT * FROM S.append_events(${parameters(8)})`,
    values,
  );
  const last = new Map(rows.map((row) => [row.o_entry, row]));
  return entries.map((_, index): AppendEventsReport => {
    const row = last.get(index);
    return row?.o_refusal === null
      ? { appended: true, lastSequence: row.o_sequence }
      : { appended: false, reason: (row?.o_refusal ?? "unknown") as "unknown" };
  });
}
