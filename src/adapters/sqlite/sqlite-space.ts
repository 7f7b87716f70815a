import type { SQLInputValue } from "node:sqlite";
import type { ReadyBucket, Turn } from "../../model/claim-plan.ts";
import type { ExecutionStatus } from "../../model/execution.ts";
import type { NewExecution } from "../../model/stored-execution.ts";
import type { ListRequest, StoredPage } from "../../ports/execution-store.ts";
import type { StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import {
  newRecord,
  type RecordChanges,
  type RecordExtras,
  type RecordRow,
  toStored,
  toSummary,
  type WholeRecord,
} from "../records/record-row.ts";
import type { RecordEvent, RecordSpace } from "../records/record-space.ts";
import type { SqliteSession } from "./sqlite-session.ts";

type Leases = readonly { readonly id: string; readonly fence: number }[];

const template = newRecord(
  "",
  { id: "", startToken: "", input: "", priority: 0, tags: [], maxAttempts: 1, maxTakeovers: 0, delayMs: 0, machineId: "" },
  0,
  0,
);
const extras: readonly (keyof RecordExtras)[] = [
  "machineVersion",
  "maxAttempts",
  "timeoutMs",
  "tags",
  "input",
  "settings",
  "retry",
  "trace",
  "progress",
  "result",
  "error",
  "abandoned",
  "checkpointBody",
];
const large = new Set<string>(["input", "settings", "retry", "trace", "checkpointBody"]);
const allColumns = Object.keys(template) as (keyof WholeRecord)[];
const quoted = (columns: readonly string[]) => columns.map((column) => `"${column}"`).join(", ");

const rowColumns = quoted(allColumns.filter((column) => !(extras as readonly string[]).includes(column)));
const summaryColumns = quoted(allColumns.filter((column) => !large.has(column)));
/** What a new record does not leave to the defaults of the table. */
const insertColumns = allColumns.filter((column) => {
  const value = template[column];
  const variable = [
    "inputHash",
    "idempotencyKey",
    "dueAt",
    "machineVersion",
    "timeoutMs",
    "settings",
    "retry",
    "trace",
    "takeovers",
  ].includes(column);
  return variable
    ? column !== "takeovers"
    : value !== null &&
        ![
          "status",
          "lane",
          "attempt",
          "attemptStep",
          "fence",
          "settledFence",
          "holdsSlot",
          "lastSignal",
          "consumedSignal",
          "lastEvent",
          "checkpointRevision",
        ].includes(column);
});
const insertSql = `INSERT INTO actorfleet_executions (${quoted(insertColumns)}) VALUES (${insertColumns.map(() => "?").join(", ")})`;

const ready = `FROM actorfleet_executions WHERE "name" = ? AND "phase" = 'ready'`;
const bucketSql = `SELECT "lane", "rank", "machineKey", "group" ${ready}`;
const bucketOrder = `ORDER BY "lane", "rank", "machineKey", "group" LIMIT 1`;

/** The records of one name in a SQLite file; every call runs in the transaction that the session has open. */
export class SqliteSpace implements RecordSpace {
  turn: Turn | undefined;
  readonly #session: SqliteSession;
  readonly #name: string;

  constructor(session: SqliteSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  find(id: string): RecordRow | undefined {
    return this.#session.get(`SELECT ${rowColumns} FROM actorfleet_executions WHERE "name" = ? AND "id" = ?`, this.#name, id);
  }

  findByKey(idempotencyKey: string): RecordRow | undefined {
    return this.#session.get(
      `SELECT ${rowColumns} FROM actorfleet_executions WHERE "name" = ? AND "idempotencyKey" = ?`,
      this.#name,
      idempotencyKey,
    );
  }

  whole({ sequence }: RecordRow) {
    return toStored(this.#session.get('SELECT * FROM actorfleet_executions WHERE "sequence" = ?', sequence) as WholeRecord);
  }

  add(start: NewExecution, now: number): RecordRow {
    const record = newRecord(this.#name, start, this.#session.nextPosition(), now);
    this.#session.run(insertSql, ...insertColumns.map((column) => record[column]));
    return record;
  }

  change(row: RecordRow, changes: RecordChanges): void {
    const columns = Object.keys(changes);
    if (columns.length === 0) return;
    const assignments = columns.map((column) => `"${column}" = ?`).join(", ");
    this.#session.run(
      `UPDATE actorfleet_executions SET ${assignments} WHERE "sequence" = ?`,
      ...(Object.values(changes) as SQLInputValue[]),
      row.sequence,
    );
    Object.assign(row, changes);
  }

  remove({ sequence }: RecordRow): void {
    this.#session.run('DELETE FROM actorfleet_signals WHERE "execution" = ?', sequence);
    this.#session.run('DELETE FROM actorfleet_events WHERE "execution" = ?', sequence);
    this.#session.run('DELETE FROM actorfleet_executions WHERE "sequence" = ?', sequence);
  }

  nextPosition(): number {
    return this.#session.nextPosition();
  }

  holders(group: string): number {
    const sql = `SELECT count(*) AS "count" FROM actorfleet_executions WHERE "name" = ? AND "group" = ? AND "holdsSlot" = 1 AND "group" <> ''`;
    return this.#session.get<{ count: number }>(sql, this.#name, group)?.count ?? 0;
  }

  // SQLite walks through all equal entries for a comparison of row values, so each column has its own.
  bucketAfter({ lane, rank, machineKey, group }: ReadyBucket): ReadyBucket | undefined {
    const level = `${bucketSql} AND "lane" = ? AND "rank" = ?`;
    return (
      this.#session.get(`${level} AND "machineKey" = ? AND "group" > ? ${bucketOrder}`, this.#name, lane, rank, machineKey, group) ??
      this.#session.get(`${level} AND "machineKey" > ? ${bucketOrder}`, this.#name, lane, rank, machineKey)
    );
  }

  levelAfter(lane: number, rank: number): ReadyBucket | undefined {
    return (
      this.#session.get(`${bucketSql} AND "lane" = ? AND "rank" > ? ${bucketOrder}`, this.#name, lane, rank) ??
      this.#session.get(`${bucketSql} AND "lane" > ? ${bucketOrder}`, this.#name, lane)
    );
  }

  oldest({ lane, rank, machineKey, group }: ReadyBucket, skip: number, count: number): RecordRow[] {
    const sql = `SELECT ${rowColumns} ${ready} AND "lane" = ? AND "rank" = ? AND "machineKey" = ? AND "group" = ? ORDER BY "position" LIMIT ? OFFSET ?`;
    return this.#session.all(sql, this.#name, lane, rank, machineKey, group, Math.min(count, 1_000_000), skip);
  }

  dueBy(instant: number, limit: number): RecordRow[] {
    const sql = `SELECT ${rowColumns} FROM actorfleet_executions WHERE "name" = ? AND "dueAt" <= ? AND "dueAt" IS NOT NULL ORDER BY "dueAt" LIMIT ?`;
    return this.#session.all(sql, this.#name, instant, limit);
  }

  nextDueAt(): number | undefined {
    return this.#session.get<{ at: number }>(
      `SELECT "dueAt" AS "at" FROM actorfleet_executions WHERE "name" = ? AND "dueAt" IS NOT NULL ORDER BY "dueAt" LIMIT 1`,
      this.#name,
    )?.at;
  }

  expiredBy(instant: number, limit: number): RecordRow[] {
    const sql = `SELECT ${rowColumns} FROM actorfleet_executions WHERE "name" = ? AND "leaseExpiresAt" <= ? AND "phase" = 'leased' ORDER BY "leaseExpiresAt" LIMIT ?`;
    return this.#session.all(sql, this.#name, instant, limit);
  }

  nextExpiryAt(): number | undefined {
    const sql = `SELECT "leaseExpiresAt" AS "at" FROM actorfleet_executions WHERE "name" = ? AND "phase" = 'leased' ORDER BY "leaseExpiresAt" LIMIT 1`;
    return this.#session.get<{ at: number }>(sql, this.#name)?.at;
  }

  endedBefore(instant: number, limit: number): RecordRow[] {
    const sql = `SELECT ${rowColumns} FROM actorfleet_executions WHERE "name" = ? AND "completedAt" < ? AND "completedAt" IS NOT NULL ORDER BY "completedAt" LIMIT ?`;
    return this.#session.all(sql, this.#name, instant, limit);
  }

  readyBy(instant: number, limit: number): string[] {
    const sql = `SELECT "id" ${ready} AND "readySince" <= ? ORDER BY "readySince", "position" LIMIT ?`;
    return this.#session.all<{ id: string }>(sql, this.#name, instant, limit).map(({ id }) => id);
  }

  queuedCount(): number {
    const sql = `SELECT count(*) AS "count" FROM actorfleet_executions WHERE "name" = ? AND "status" = 'queued' AND "completedAt" IS NULL`;
    return this.#session.get<{ count: number }>(sql, this.#name)?.count ?? 0;
  }

  parkedCount(): number {
    const sql = `SELECT count(*) AS "count" FROM actorfleet_executions WHERE "name" = ? AND "status" = 'running' AND "completedAt" IS NULL AND "phase" <> 'leased'`;
    return this.#session.get<{ count: number }>(sql, this.#name)?.count ?? 0;
  }

  statusCounts(): { status: ExecutionStatus; count: number }[] {
    return this.#session.all(
      'SELECT "status", count(*) AS "count" FROM actorfleet_executions WHERE "name" = ? GROUP BY "status"',
      this.#name,
    );
  }

  readyCounts(): { machineKey: string; count: number }[] {
    return this.#session.all(`SELECT "machineKey", count(*) AS "count" ${ready} GROUP BY "machineKey"`, this.#name);
  }

  list({ status, group, tag, limit, cursor }: ListRequest): StoredPage {
    const conditions = ['"name" = ?', '"sequence" > ?'];
    const values: SQLInputValue[] = [this.#name, cursor === undefined ? 0 : Number(cursor)];
    if (status !== undefined) {
      conditions.push('"status" = ?');
      values.push(status);
      if (status === "queued" || status === "running") conditions.push('"completedAt" IS NULL');
    }
    if (group !== undefined) {
      conditions.push(`"group" = ? AND "group" <> ''`);
      values.push(group);
    }
    if (tag !== undefined) {
      conditions.push('EXISTS (SELECT 1 FROM json_each("tags") WHERE json_each."value" = ?)');
      values.push(tag);
    }
    const sql = `SELECT ${summaryColumns} FROM actorfleet_executions WHERE ${conditions.join(" AND ")} ORDER BY "sequence" LIMIT ?`;
    const found = this.#session.all<WholeRecord>(sql, ...values, limit + 1);
    const page = found.slice(0, limit);
    return { items: page.map(toSummary), ...(found.length > limit && { nextCursor: String(page.at(-1)?.sequence) }) };
  }

  recallClaim(claimId: string): Leases | undefined {
    const row = this.#session.get<{ leases: string }>(
      'SELECT "leases" FROM actorfleet_claims WHERE "name" = ? AND "claimId" = ?',
      this.#name,
      claimId,
    );
    return row && (JSON.parse(row.leases) as [string, number][]).map(([id, fence]) => ({ id, fence }));
  }

  rememberClaim(claimId: string, at: number, leases: Leases): void {
    const text = JSON.stringify(leases.map(({ id, fence }) => [id, fence]));
    this.#session.run("INSERT INTO actorfleet_claims VALUES (?, ?, ?, ?)", this.#name, claimId, at, text);
  }

  forgetClaimsBefore(instant: number): void {
    this.#session.run('DELETE FROM actorfleet_claims WHERE "name" = ? AND "at" < ?', this.#name, instant);
  }

  claimsAfter(instant: number): { at: number; count: number }[] {
    return this.#session.all(
      'SELECT "at", "count" FROM actorfleet_claim_times WHERE "name" = ? AND "at" > ? ORDER BY "at"',
      this.#name,
      instant,
    );
  }

  recordClaims(at: number, count: number): void {
    this.#session.run("INSERT INTO actorfleet_claim_times VALUES (?, ?, ?)", this.#name, at, count);
    // No interval of a rate limit is longer than a day.
    this.#session.run('DELETE FROM actorfleet_claim_times WHERE "name" = ? AND "at" < ?', this.#name, at - 86_400_000);
  }

  signalByToken({ sequence, lastSignal }: RecordRow, token: string): number | undefined {
    if (lastSignal === 0) return undefined;
    return this.#session.get<{ sequence: number }>(
      'SELECT "sequence" FROM actorfleet_signals WHERE "execution" = ? AND "token" = ?',
      sequence,
      token,
    )?.sequence;
  }

  addSignal(row: RecordRow, { sequence, token, at, body }: StoredSignal & { readonly token: string }): void {
    this.#session.run("INSERT INTO actorfleet_signals VALUES (?, ?, ?, ?, ?)", row.sequence, sequence, token, at, body);
  }

  dropSignals({ sequence, lastSignal }: RecordRow, upTo: number, before: number): void {
    if (lastSignal > 0)
      this.#session.run('DELETE FROM actorfleet_signals WHERE "execution" = ? AND "sequence" <= ? AND "at" < ?', sequence, upTo, before);
  }

  signalsAfter(row: RecordRow, after: number, limit: number): StoredSignal[] {
    return this.#session.all(
      'SELECT "sequence", "at", "body" FROM actorfleet_signals WHERE "execution" = ? AND "sequence" > ? ORDER BY "sequence" LIMIT ?',
      row.sequence,
      after,
      limit,
    );
  }

  lastOrdinal({ sequence }: RecordRow, fence: number): number | undefined {
    const sql = 'SELECT "ordinal" FROM actorfleet_events WHERE "execution" = ? AND "fence" = ? ORDER BY "sequence" DESC LIMIT 1';
    return this.#session.get<{ ordinal: number }>(sql, sequence, fence)?.ordinal;
  }

  addEvent(row: RecordRow, { sequence, fence, ordinal, at, body }: RecordEvent): void {
    this.#session.run("INSERT INTO actorfleet_events VALUES (?, ?, ?, ?, ?, ?)", row.sequence, sequence, fence, ordinal, at, body);
  }

  dropEvents(row: RecordRow, upTo: number): void {
    this.#session.run('DELETE FROM actorfleet_events WHERE "execution" = ? AND "sequence" <= ?', row.sequence, upTo);
  }

  eventsAfter(row: RecordRow, after: number, limit: number): StoredEvent[] {
    return this.#session.all(
      'SELECT "sequence", "at", "body" FROM actorfleet_events WHERE "execution" = ? AND "sequence" > ? ORDER BY "sequence" LIMIT ?',
      row.sequence,
      after,
      limit,
    );
  }
}
