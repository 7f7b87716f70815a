import { InvalidOptionsError } from "../../model/errors.ts";
import { type ExecutionStatus, executionStatuses } from "../../model/execution.ts";
import { machineKey, type StoredExecution } from "../../model/stored-execution.ts";
import type { CountsRequest, ListRequest, StoredCounts, StoredPage } from "../../ports/execution-store.ts";
import type { MachineSelector } from "../../ports/store-claim.ts";
import type { ReadRequest, StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import { toStored, toSummary, type WholeRecord } from "../records/record-row.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { unleased } from "./postgres-tables.ts";

const summaryColumns = `"sequence", "name", "id", "idempotencyKey", "rank", "group", "machineId", "queuedAt", "maxTakeovers", "status", "phase", "attempt", "takeovers",
  "fence", "owner", "leaseExpiresAt", "dueAt", "startedAt", "completedAt", "cancelRequestedAt", "reason", "lastSignal", "consumedSignal", "machineVersion",
  "maxAttempts", "timeoutMs", "tags", "progress", "result", "error", "abandoned"`;

/** A text that Postgres takes; nothing is stored under what it replaces. */
export const storable = (text: string) => text.replaceAll("\0", "\ufffd");

/** Reasons are kept as JSON, because they may have characters that Postgres does not take. */
export function fromReason(reason: string | null): string | undefined {
  return reason === null ? undefined : (JSON.parse(reason) as string);
}

function toExecution(record: WholeRecord): StoredExecution {
  return toStored({ ...record, reason: fromReason(record.reason) ?? null });
}

/** What a claim compares machine keys with: the start of all of that machine, and the ones it runs (null: all). */
export function machineKeys({ machineId, versions }: MachineSelector): { prefix: string; keys: string[] | null } {
  const keys = versions === "any" ? null : [machineKey(machineId, undefined), ...versions.map((version) => machineKey(machineId, version))];
  return { prefix: machineKey(machineId, ""), keys };
}

export async function getExecutions(
  connection: PostgresConnection,
  name: string,
  ids: readonly string[],
): Promise<(StoredExecution | undefined)[]> {
  if (ids.length === 0) return [];
  const rows = await connection.query<WholeRecord>('SELECT * FROM S.executions WHERE "name" = $1 AND "id" = ANY ($2)', [
    name,
    ids.map(storable),
  ]);
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = found.get(id);
    return row && toExecution(row);
  });
}

/** Conditions for what an index has in order each, together all of that status. There are only so many leases, which are sorted. */
function listedParts(status: ExecutionStatus | undefined, value: (item: unknown) => string): string[] {
  const asked = status === undefined ? executionStatuses : [status];
  const leased = asked.includes("running") ? [`"phase" = 'leased'`] : [];
  return [...asked.map((each) => `"status" = ${value(each)} AND ${unleased}`), ...leased];
}

export async function listExecutions(
  connection: PostgresConnection,
  { name, status, group, tag, order, limit, cursor }: ListRequest,
): Promise<StoredPage> {
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
    throw new InvalidOptionsError({ field: "query.cursor", expected: "the nextCursor of a page", received: cursor });
  }
  const [beyond, direction, start] = order === "newest" ? ["<", " DESC", Number.MAX_SAFE_INTEGER] : [">", "", 0];
  const values: unknown[] = [name, cursor ?? start];
  const value = (item: unknown) => `$${values.push(item)}`;
  const conditions = ['"name" = $1', `"sequence" ${beyond} $2`];
  if (group !== undefined) conditions.push(`"group" = ${value(group)} AND "group" <> ''`);
  if (tag !== undefined) conditions.push(`"tags"::jsonb ? ${value(tag)}`);
  const inOrder = `ORDER BY "sequence"${direction} LIMIT ${value(limit + 1)}`;
  const select = (condition: string) =>
    `(SELECT ${summaryColumns} FROM S.executions WHERE ${[...conditions, condition].join(" AND ")} ${inOrder})`;
  const parts = group === undefined ? listedParts(status, value) : [status === undefined ? "true" : `"status" = ${value(status)}`];
  const found = await connection.query<WholeRecord>(
    `SELECT * FROM (${parts.map(select).join(" UNION ALL ")}) AS listed ${inOrder}`,
    values,
  );
  const page = found.slice(0, limit);
  const items = page.map((record) => toSummary({ ...record, reason: fromReason(record.reason) ?? null }));
  return { items, ...(found.length > limit && { nextCursor: String(page.at(-1)?.sequence) }) };
}

interface CountRow {
  readonly status: ExecutionStatus;
  readonly count: number;
  readonly leased: boolean;
}

export async function countExecutions(connection: PostgresConnection, { name, runs }: CountsRequest): Promise<StoredCounts> {
  const counts = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, total: 0, unclaimable: 0, parked: 0 };
  const sql = `SELECT "status", count(*) AS "count", false AS "leased" FROM S.executions WHERE "name" = $1 AND ${unleased} GROUP BY "status"
    UNION ALL SELECT 'running', count(*), true FROM S.executions WHERE "name" = $1 AND "phase" = 'leased'`;
  for (const { status, count, leased } of await connection.query<CountRow>(sql, [name])) {
    counts[status] += count;
    counts.total += count;
    if (status === "running" && !leased) counts.parked += count;
  }
  if (runs === undefined) return counts;
  const { prefix, keys } = machineKeys(runs);
  const unclaimable = `SELECT count(*) AS "count" FROM S.executions WHERE "name" = $1 AND "phase" = 'ready' AND NOT (starts_with("machineKey", $2) AND ($3::text[] IS NULL OR "machineKey" = ANY ($3)))`;
  const [row] = await connection.query<{ count: number }>(unclaimable, [name, prefix, keys]);
  return { ...counts, unclaimable: row?.count ?? 0 };
}

export function readSignals(
  connection: PostgresConnection,
  { name, id, afterSequence = 0, limit = 1_000 }: ReadRequest,
): Promise<StoredSignal[]> {
  const sql = `SELECT s."sequence", s."at", s."body" FROM S.executions e JOIN S.signals s ON s."execution" = e."sequence"
    WHERE e."name" = $1 AND e."id" = $2 AND s."sequence" > greatest($3::integer, e."consumedSignal") ORDER BY s."sequence" LIMIT $4`;
  return connection.query(sql, [name, storable(id), afterSequence, limit]);
}

export function readEvents(
  connection: PostgresConnection,
  { name, id, afterSequence = 0, limit = 1_000 }: ReadRequest,
): Promise<StoredEvent[]> {
  const sql = `SELECT v."sequence", v."at", v."body" FROM S.executions e JOIN S.events v ON v."execution" = e."sequence"
    WHERE e."name" = $1 AND e."id" = $2 AND v."sequence" > $3 ORDER BY v."sequence" LIMIT $4`;
  return connection.query(sql, [name, storable(id), afterSequence, limit]);
}

export async function findOverdue(
  connection: PostgresConnection,
  { name, waitingMs, limit }: { name: string; waitingMs: number; limit: number },
): Promise<string[]> {
  const sql = `SELECT "id" FROM S.executions WHERE "name" = $1 AND "phase" = 'ready' AND "readySince" <= S.now_ms() - $2::float8 ORDER BY "readySince", "position" LIMIT $3`;
  return (await connection.query<{ id: string }>(sql, [name, waitingMs, limit])).map(({ id }) => id);
}
