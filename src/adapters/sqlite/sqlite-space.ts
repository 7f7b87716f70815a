import type { SQLInputValue } from "node:sqlite";
import type { ReadyBucket, Turn } from "../../model/claim-plan.ts";
import type { JsonText } from "../../model/json-text.ts";
import { machineKey, type NewExecution, type StoredExecution } from "../../model/stored-execution.ts";
import type { ListRequest, StoredPage } from "../../ports/execution-store.ts";
import type { StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import type { Settlement } from "../../ports/store-settle.ts";
import { type RecordChanges, type RecordRow, toStored, type WholeRecord } from "../records/record-row.ts";
import type { RecordEvent, RecordSpace } from "../records/record-space.ts";
import { listSqlite } from "./sqlite-list.ts";
import { insertColumns, type RowValues, rowColumns, toRow, toWhole, type WholeValues, wholeColumns } from "./sqlite-rows.ts";
import type { SqliteSession } from "./sqlite-session.ts";

/** A larger input is not in the row, which is written anew with each change. */
const maxInlineInput = 1_000;

const from = `FROM actorfleet_executions WHERE "space" = ?`;
/** Named where SQLite, which knows nothing of how many rows there are, takes another one. */
const by = (index: string) => `FROM actorfleet_executions INDEXED BY actorfleet_${index} WHERE "space" = ?`;
const ready = `${from} AND "phase" = 'ready'`;
const bucket = `SELECT "lane", "rank", "machineKey", "group" FROM actorfleet_executions WHERE "space" = ?1 AND "phase" = 'ready'`;
const bucketOrder = `ORDER BY "lane", "rank", "machineKey", "group" LIMIT 1`;
/** The first of these that there is. */
const firstOf = (...buckets: string[]) => `${buckets.map((each) => `SELECT * FROM (${each} ${bucketOrder})`).join(" UNION ALL ")} LIMIT 1`;

const complete = (more: string) => `UPDATE actorfleet_executions SET
  "owner" = NULL, "claimId" = NULL, "leaseExpiresAt" = NULL, "holdsSlot" = 0, "settledFence" = ?, "phase" = 'final', "status" = 'completed',
  "completedAt" = ?, "error" = NULL, "result" = ?${more}
  WHERE "space" = ? AND "id" = ? AND "fence" = ? AND "owner" = ? AND "leaseExpiresAt" > ? AND "phase" = 'leased'
  AND "cancelRequestedAt" IS NULL AND "checkpointRevision" = 0`;

/** Texts that are the same objects each time, so that their statements are found at once. */
const sql = {
  find: `SELECT ${rowColumns} ${from} AND "id" = ?`,
  findByKey: `SELECT ${rowColumns} ${from} AND "idempotencyKey" = ?`,
  whole: `SELECT ${wholeColumns} FROM actorfleet_executions WHERE "sequence" = ?`,
  insert: `INSERT INTO actorfleet_executions (${insertColumns}) VALUES (${insertColumns.replaceAll(/"\w+"/g, "?")}) ON CONFLICT DO NOTHING`,
  complete: complete(""),
  completeWithProgress: complete(', "progress" = ?'),
  putTag: "INSERT INTO actorfleet_tags VALUES (?, ?, ?)",
  // SQLite walks through all equal entries for a comparison of row values, so each column has its own.
  bucketAfter: firstOf(
    `${bucket} AND "lane" = ?2 AND "rank" = ?3 AND "machineKey" = ?4 AND "group" > ?5`,
    `${bucket} AND "lane" = ?2 AND "rank" = ?3 AND "machineKey" > ?4`,
  ),
  levelAfter: firstOf(`${bucket} AND "lane" = ?2 AND "rank" > ?3`, `${bucket} AND "lane" > ?2`),
  oldest: `SELECT ${wholeColumns} ${ready} AND "lane" = ? AND "rank" = ? AND "machineKey" = ? AND "group" = ? ORDER BY "position" LIMIT ? + 0 OFFSET ? + 0`,
  holders: `SELECT count(*) ${from} AND "group" = ? AND "holdsSlot" = 1 AND "group" <> ''`,
  due: `SELECT ${rowColumns} ${from} AND "dueAt" <= ? AND "dueAt" IS NOT NULL ORDER BY "dueAt" LIMIT ? + 0`,
  nextDue: `SELECT "dueAt" ${from} AND "dueAt" IS NOT NULL ORDER BY "dueAt" LIMIT 1`,
  expired: `SELECT ${rowColumns} ${by("leased")} AND "phase" = 'leased' AND "leaseExpiresAt" <= ? ORDER BY "leaseExpiresAt" LIMIT ? + 0`,
  nextExpiry: `SELECT min("leaseExpiresAt") ${from} AND "phase" = 'leased'`,
  ended: `SELECT ${rowColumns} ${from} AND "completedAt" < ? AND "completedAt" IS NOT NULL ORDER BY "completedAt" LIMIT ? + 0`,
  overdue: `SELECT "id" ${by("ready")} AND "phase" = 'ready' AND "readySince" <= ? ORDER BY "readySince", "position" LIMIT ? + 0`,
  readyCounts: `SELECT "machineKey", count(*) ${ready} GROUP BY "machineKey"`,
  held: `SELECT ${wholeColumns} ${from} AND "claimId" = ? AND "phase" = 'leased'`,
  claimsAfter: 'SELECT "at", "count" FROM actorfleet_claim_times WHERE "space" = ? AND "at" > ? ORDER BY "at"',
  signalByToken: 'SELECT "sequence" FROM actorfleet_signals WHERE "execution" = ? AND "token" = ?',
  dropSignals: 'DELETE FROM actorfleet_signals WHERE "execution" = ? AND "sequence" <= ? AND "at" < ?',
  signalsAfter:
    'SELECT "sequence", "at", "body" FROM actorfleet_signals WHERE "execution" = ? AND "sequence" > ? ORDER BY "sequence" LIMIT ? + 0',
  lastOrdinal: 'SELECT "ordinal" FROM actorfleet_events WHERE "execution" = ? AND "fence" = ? ORDER BY "sequence" DESC LIMIT 1',
  eventsAfter:
    'SELECT "sequence", "at", "body" FROM actorfleet_events WHERE "execution" = ? AND "sequence" > ? ORDER BY "sequence" LIMIT ? + 0',
  putInput: "INSERT INTO actorfleet_inputs VALUES (?, ?)",
  getInput: 'SELECT "body" FROM actorfleet_inputs WHERE "execution" = ?',
  putCheckpoint: 'INSERT INTO actorfleet_checkpoints VALUES (?, ?) ON CONFLICT DO UPDATE SET "body" = excluded."body"',
  getCheckpoint: 'SELECT "body" FROM actorfleet_checkpoints WHERE "execution" = ?',
  dropCheckpoint: 'DELETE FROM actorfleet_checkpoints WHERE "execution" = ?',
} as const;

const removals = [
  'DELETE FROM actorfleet_inputs WHERE "execution" = ?',
  `DELETE FROM actorfleet_tags WHERE ("space", "tag", "execution") IN
    (SELECT "space", json_each."value", "sequence" FROM actorfleet_executions, json_each("tags") WHERE "sequence" = ?)`,
  'DELETE FROM actorfleet_executions WHERE "sequence" = ?',
];

/** Statements that change some columns, by those columns. */
const updates = new Map<string, { readonly one: string; readonly several: string }>();

/** The records of one name in a SQLite file; every call runs in the transaction that the session has open. */
export class SqliteSpace implements RecordSpace {
  turn: Turn | undefined;
  readonly #session: SqliteSession;
  readonly #name: string;
  readonly #toRow = (values: RowValues) => toRow(values, this.#name);
  readonly #toWhole = (values: WholeValues) => toWhole(values, this.#name);

  constructor(session: SqliteSession, name: string) {
    this.#session = session;
    this.#name = name;
  }

  find(id: string): RecordRow | undefined {
    const values = this.#session.get<RowValues>(sql.find, this.#space, id);
    return values && this.#toRow(values);
  }

  findByKey(idempotencyKey: string): RecordRow | undefined {
    const values = this.#session.get<RowValues>(sql.findByKey, this.#space, idempotencyKey);
    return values && this.#toRow(values);
  }

  whole(row: RecordRow): StoredExecution {
    const record =
      "tags" in row ? (row as WholeRecord) : this.#toWhole(this.#session.get<WholeValues>(sql.whole, row.sequence) as WholeValues);
    if (record.input === "") record.input = this.#body(sql.getInput, row) ?? "null";
    if (record.checkpointRevision > 0) record.checkpointBody = this.#body(sql.getCheckpoint, row) ?? null;
    return toStored(record);
  }

  add(start: NewExecution, now: number): boolean {
    const { id, tags, input, machineId, machineVersion, delayMs } = start;
    const space = this.#session.makeSpace(this.#name);
    const position = this.#session.nextPosition();
    const phase = delayMs > 0 ? "delayed" : "ready";
    const isLarge = input.length > maxInlineInput;
    const added = this.#session.run(
      sql.insert,
      position,
      space,
      id,
      start.startToken,
      start.inputHash ?? null,
      start.idempotencyKey ?? null,
      -start.priority,
      start.group ?? "",
      machineId,
      now,
      start.maxTakeovers,
      phase,
      position,
      now,
      machineKey(machineId, machineVersion),
      delayMs > 0 ? now + delayMs : null,
      machineVersion ?? null,
      start.maxAttempts,
      start.timeoutMs ?? null,
      tags.length === 0 ? "[]" : JSON.stringify(tags),
      isLarge ? null : input,
      start.settings ?? null,
      start.retry ?? null,
      start.trace ?? null,
    );
    if (!added) return false;
    if (isLarge) this.#session.run(sql.putInput, position, input);
    if (tags.length > 0) for (const tag of new Set(tags)) this.#session.run(sql.putTag, space, tag, position);
    this.#session.counts.change(space, "queued", phase, 1);
    return true;
  }

  change(row: RecordRow, { checkpointBody, ...changes }: RecordChanges): void {
    const values = Object.values(changes) as SQLInputValue[];
    if (values.length > 0) this.#session.run(updateOf(changes).one, ...values, row.sequence);
    if (typeof checkpointBody === "string") this.#session.run(sql.putCheckpoint, row.sequence, checkpointBody);
    else if (checkpointBody === null && row.checkpointRevision > 0) this.#session.run(sql.dropCheckpoint, row.sequence);
    this.#session.counts.change(this.#space, row.status, row.phase, -1);
    Object.assign(row, changes);
    this.#session.counts.change(this.#space, row.status, row.phase, 1);
  }

  changeAll(rows: readonly RecordRow[], changes: RecordChanges): void {
    const [first] = rows;
    if (first === undefined) return;
    const sequences = JSON.stringify(rows.map(({ sequence }) => sequence));
    this.#session.run(updateOf(changes).several, ...(Object.values(changes) as SQLInputValue[]), sequences);
    this.#session.counts.change(this.#space, first.status, first.phase, -rows.length);
    for (const row of rows) Object.assign(row, changes);
    this.#session.counts.change(this.#space, first.status, first.phase, rows.length);
  }

  completeIfHeld({ id, fence, progress }: Settlement, result: JsonText | null, owner: string, now: number): boolean {
    const completed =
      progress === undefined
        ? this.#session.run(sql.complete, fence, now, result, this.#space, id, fence, owner, now)
        : this.#session.run(sql.completeWithProgress, fence, now, result, progress, this.#space, id, fence, owner, now);
    if (!completed) return false;
    this.#session.counts.change(this.#space, "running", "leased", -1);
    this.#session.counts.change(this.#space, "completed", "final", 1);
    return true;
  }

  remove(row: RecordRow): void {
    const { sequence } = row;
    if (row.lastSignal > 0) this.#session.run('DELETE FROM actorfleet_signals WHERE "execution" = ?', sequence);
    if (row.lastEvent > 0) this.#session.run('DELETE FROM actorfleet_events WHERE "execution" = ?', sequence);
    if (row.checkpointRevision > 0) this.#session.run(sql.dropCheckpoint, sequence);
    for (const removal of removals) this.#session.run(removal, sequence);
    this.#session.counts.change(this.#space, row.status, row.phase, -1);
  }

  nextPosition(): number {
    return this.#session.nextPosition();
  }

  holders(group: string): number {
    return this.#session.get<[number]>(sql.holders, this.#space, group)?.[0] ?? 0;
  }

  bucketAfter({ lane, rank, machineKey, group }: ReadyBucket): ReadyBucket | undefined {
    return this.#bucket(sql.bucketAfter, this.#space, lane, rank, machineKey, group);
  }

  levelAfter(lane: number, rank: number): ReadyBucket | undefined {
    return this.#bucket(sql.levelAfter, this.#space, lane, rank);
  }

  oldest({ lane, rank, machineKey, group }: ReadyBucket, skip: number, count: number): RecordRow[] {
    return this.#session
      .all<WholeValues>(sql.oldest, this.#space, lane, rank, machineKey, group, Math.min(count, 1_000_000), skip)
      .map(this.#toWhole);
  }

  dueBy(instant: number, limit: number): RecordRow[] {
    return this.#session.all<RowValues>(sql.due, this.#space, instant, limit).map(this.#toRow);
  }

  nextDueAt(): number | undefined {
    return this.#session.get<[number]>(sql.nextDue, this.#space)?.[0];
  }

  expiredBy(instant: number, limit: number): RecordRow[] {
    return this.#session.all<RowValues>(sql.expired, this.#space, instant, limit).map(this.#toRow);
  }

  nextExpiryAt(): number | undefined {
    return this.#session.get<[number | null]>(sql.nextExpiry, this.#space)?.[0] ?? undefined;
  }

  endedBefore(instant: number, limit: number): RecordRow[] {
    return this.#session.all<RowValues>(sql.ended, this.#space, instant, limit).map(this.#toRow);
  }

  readyBy(instant: number, limit: number): string[] {
    return this.#session.all<[string]>(sql.overdue, this.#space, instant, limit).map(([id]) => id);
  }

  counts() {
    return this.#session.counts.of(this.#space);
  }

  readyCounts(): { machineKey: string; count: number }[] {
    return this.#session.all<[string, number]>(sql.readyCounts, this.#space).map(([machineKey, count]) => ({ machineKey, count }));
  }

  list(request: ListRequest): StoredPage {
    return listSqlite(this.#session, request);
  }

  recallClaim(claimId: string): RecordRow[] | undefined {
    const held = this.#session.all<WholeValues>(sql.held, this.#space, claimId);
    return held.length === 0 ? undefined : held.map(this.#toWhole);
  }

  claimsAfter(instant: number): { at: number; count: number }[] {
    return this.#session.all<[number, number]>(sql.claimsAfter, this.#space, instant).map(([at, count]) => ({ at, count }));
  }

  recordClaims(at: number, count: number): void {
    this.#session.run("INSERT INTO actorfleet_claim_times VALUES (?, ?, ?)", this.#space, at, count);
    // No interval of a rate limit is longer than a day.
    this.#session.run('DELETE FROM actorfleet_claim_times WHERE "space" = ? AND "at" < ?', this.#space, at - 86_400_000);
  }

  signalByToken({ sequence, lastSignal }: RecordRow, token: string): number | undefined {
    return lastSignal === 0 ? undefined : this.#session.get<[number]>(sql.signalByToken, sequence, token)?.[0];
  }

  addSignal(row: RecordRow, { sequence, token, at, body }: StoredSignal & { readonly token: string }): void {
    this.#session.run("INSERT INTO actorfleet_signals VALUES (?, ?, ?, ?, ?)", row.sequence, sequence, token, at, body);
  }

  dropSignals({ sequence, lastSignal }: RecordRow, upTo: number, before: number): void {
    if (lastSignal > 0) this.#session.run(sql.dropSignals, sequence, upTo, before);
  }

  signalsAfter({ sequence }: RecordRow, after: number, limit: number): StoredSignal[] {
    return this.#session.all<[number, number, string]>(sql.signalsAfter, sequence, after, limit).map(toMessage);
  }

  lastOrdinal({ sequence }: RecordRow, fence: number): number | undefined {
    return this.#session.get<[number]>(sql.lastOrdinal, sequence, fence)?.[0];
  }

  addEvent(row: RecordRow, { sequence, fence, ordinal, at, body }: RecordEvent): void {
    this.#session.run("INSERT INTO actorfleet_events VALUES (?, ?, ?, ?, ?, ?)", row.sequence, sequence, fence, ordinal, at, body);
  }

  dropEvents(row: RecordRow, upTo: number): void {
    this.#session.run('DELETE FROM actorfleet_events WHERE "execution" = ? AND "sequence" <= ?', row.sequence, upTo);
  }

  eventsAfter({ sequence }: RecordRow, after: number, limit: number): StoredEvent[] {
    return this.#session.all<[number, number, string]>(sql.eventsAfter, sequence, after, limit).map(toMessage);
  }

  get #space(): number {
    return this.#session.spaceOf(this.#name);
  }

  #bucket(statement: string, ...values: SQLInputValue[]): ReadyBucket | undefined {
    const found = this.#session.get<[number, number, string, string]>(statement, ...values);
    return found && { lane: found[0], rank: found[1], machineKey: found[2], group: found[3] };
  }

  #body(statement: string, { sequence }: RecordRow): string | undefined {
    return this.#session.get<[string]>(statement, sequence)?.[0];
  }
}

function updateOf(changes: RecordChanges): { readonly one: string; readonly several: string } {
  const columns = Object.keys(changes);
  const key = columns.join();
  let update = updates.get(key);
  if (update === undefined) {
    const assignments = columns.map((column) => `"${column}" = ?`);
    if (columns.includes("claimId")) assignments.push('"room" = NULL');
    const text = `UPDATE actorfleet_executions SET ${assignments.join(", ")} WHERE "sequence"`;
    update = { one: `${text} = ?`, several: `${text} IN (SELECT "value" FROM json_each(?))` };
    updates.set(key, update);
  }
  return update;
}

function toMessage([sequence, at, body]: [number, number, string]): StoredSignal {
  return { sequence, at, body };
}
