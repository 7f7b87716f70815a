import { DatabaseSync } from "node:sqlite";

/** Names that have records, in alphabetical order; undefined when the file is no store. Changes nothing in it. */
export function readSqliteNames(filename: string): string[] | undefined {
  const database = new DatabaseSync(filename, { readOnly: true });
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'actorfleet_executions'").get();
    if (table === undefined) return undefined;
    const rows = database
      .prepare('SELECT "name" FROM actorfleet_spaces WHERE "queued" + "running" + "completed" + "failed" + "cancelled" > 0 ORDER BY "name"')
      .all();
    return rows.map(({ name }) => name as string);
  } finally {
    database.close();
  }
}
