import type { SQLInputValue } from "node:sqlite";
import type { ListRequest, StoredPage } from "../../ports/execution-store.ts";
import { toSummary } from "../records/record-row.ts";
import { type SummaryValues, summaryColumns, toWhole } from "./sqlite-rows.ts";
import type { SqliteSession } from "./sqlite-session.ts";

/** One page in the order of start. Whatever it is filtered by, an index leads to it. */
export function listSqlite(session: SqliteSession, request: ListRequest): StoredPage {
  const { name, status, group, tag, limit, cursor } = request;
  const conditions = ['"name" = ?', '"sequence" > ?'];
  const values: SQLInputValue[] = [name, cursor === undefined ? 0 : Number(cursor)];
  // Written out, because SQLite takes an index of some rows only where it can see that they are enough.
  if (status !== undefined) conditions.push(`"status" = '${status}'`);
  if (group !== undefined) {
    conditions.push(`"group" = ? AND "group" <> ''`);
    values.push(group);
  }
  if (tag !== undefined) {
    conditions.push(`"sequence" IN (SELECT "execution" FROM actorfleet_tags WHERE "name" = ? AND "tag" = ? AND "execution" > ?)`);
    values.push(name, tag, cursor === undefined ? 0 : Number(cursor));
  }
  const sql = `SELECT ${summaryColumns} FROM actorfleet_executions WHERE ${conditions.join(" AND ")} ORDER BY "sequence" LIMIT ? + 0`;
  const found = session.all<SummaryValues>(sql, ...values, limit + 1);
  const items = found.slice(0, limit).map((row) => toSummary(toWhole(row)));
  return { items, ...(found.length > limit && { nextCursor: String(items.at(-1)?.sequence) }) };
}
