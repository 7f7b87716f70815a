import type { SQLInputValue } from "node:sqlite";
import type { ExecutionStatus } from "../../model/execution.ts";
import type { ListRequest, StoredPage } from "../../ports/execution-store.ts";
import { toSummary } from "../records/record-row.ts";
import { type SummaryValues, summaryColumns, toWhole } from "./sqlite-rows.ts";
import type { SqliteSession } from "./sqlite-session.ts";

const running = [`"phase" = 'leased'`, `"status" = 'running' AND "phase" = 'parked'`, `"phase" = 'ready' AND "lane" = 0`]
  .map((phase) => `SELECT "sequence" FROM actorfleet_executions WHERE "space" = ?1 AND ${phase}`)
  .join(" UNION ALL ");

/** Written out, because SQLite takes an index of some rows only where it can see that they are enough. */
const ofStatus: Readonly<Record<ExecutionStatus, string>> = {
  queued: `"status" = 'queued' AND "completedAt" IS NULL`,
  // Among many that are queued, these few are found by their phases.
  running: `"sequence" IN (${running})`,
  completed: `"status" = 'completed'`,
  failed: `"status" = 'failed'`,
  cancelled: `"status" = 'cancelled'`,
};

/** One page in the order of start, or its reverse. */
export function listSqlite(session: SqliteSession, { name, status, group, tag, order, limit, cursor }: ListRequest): StoredPage {
  const [beyond, direction, start] = order === "newest" ? ["<", " DESC", Number.MAX_SAFE_INTEGER] : [">", "", 0];
  const space = "actorfleet_executions.space";
  // With a plus, SQLite looks for no index of spaces, of which it would take the wrong one.
  const conditions = [`${status === "running" ? "+" : ""}${space} = ?1`, `"sequence" ${beyond} ?2`];
  const values: SQLInputValue[] = [session.spaceOf(name), cursor === undefined ? start : Number(cursor), limit + 1];
  if (status !== undefined) conditions.push(ofStatus[status]);
  if (group !== undefined) conditions.push(`"group" = ?${values.push(group)} AND "group" <> ''`);
  if (tag !== undefined)
    conditions.push(
      `actorfleet_tags.space = ?1 AND "tag" = ?${values.push(tag)} AND "execution" ${beyond} ?2 AND "sequence" = "execution"`,
    );
  // A cross join is done in the order in which it is written.
  const [from, column] = tag === undefined ? ["", "sequence"] : ["actorfleet_tags CROSS JOIN ", "execution"];
  const sql = `SELECT ${summaryColumns} FROM ${from}actorfleet_executions WHERE ${conditions.join(" AND ")} ORDER BY "${column}"${direction} LIMIT ?3 + 0`;
  const found = session.all<SummaryValues>(sql, ...values);
  const items = found.slice(0, limit).map((row) => toSummary(toWhole(row, name)));
  return { items, ...(found.length > limit && { nextCursor: String(items.at(-1)?.sequence) }) };
}
