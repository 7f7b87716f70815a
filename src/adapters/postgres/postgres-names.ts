import type { PostgresQuery } from "./postgres-client.ts";
import { postgresNames } from "./postgres-migrations.ts";

/** Names that have records, in alphabetical order; undefined when the schema is no store. Makes nothing. */
export async function readPostgresNames(
  client: { query(query: PostgresQuery): Promise<{ rows: unknown[] }> },
  schema: string,
): Promise<string[] | undefined> {
  const { sql } = postgresNames(schema);
  const known = await client.query({ text: "SELECT to_regclass($1)::text AS there", values: [sql("S.executions")] });
  if ((known.rows[0] as { there: string | null }).there === null) return undefined;
  // From name to name along the index, however many records each has.
  const { rows } = await client.query({
    text: sql(`WITH RECURSIVE found ("name") AS (
      SELECT min("name") FROM S.executions
      UNION ALL
      SELECT (SELECT min(e."name") FROM S.executions e WHERE e."name" > found."name") FROM found WHERE found."name" IS NOT NULL
    ) SELECT "name" FROM found WHERE "name" IS NOT NULL`),
  });
  return (rows as { name: string }[]).map(({ name }) => name);
}
