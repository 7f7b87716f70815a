import { DatabaseSync } from "node:sqlite";

/** Names that have records, in alphabetical order; undefined when the file is no store. Changes nothing in it. */
export function readSqliteNames(filename: string): string[] | undefined {
  const database = new DatabaseSync(filename, { readOnly: true });
  try {
    const table = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'actorfleet_executions'").get();
    if (table === undefined) return undefined;
    // From name to name along the index, however many records each has.
    const rows = database
      .prepare(
        `WITH RECURSIVE found ("name") AS (
           SELECT min("name") FROM actorfleet_executions
           UNION ALL
           SELECT (SELECT min("name") FROM actorfleet_executions WHERE "name" > found."name") FROM found WHERE found."name" IS NOT NULL
         ) SELECT "name" FROM found WHERE "name" IS NOT NULL`,
      )
      .all();
    return rows.map(({ name }) => name as string);
  } finally {
    database.close();
  }
}
