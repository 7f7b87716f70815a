import { InvalidOptionsError } from "../../model/errors.ts";
import { SchemaVersionError } from "../../model/store-errors.ts";
import { claimSql } from "./postgres-claim-sql.ts";
import { type PostgresClientLike, postgresTypes } from "./postgres-client.ts";
import { insertSql } from "./postgres-insert-sql.ts";
import { messageSql } from "./postgres-message-sql.ts";
import { settleSql } from "./postgres-settle-sql.ts";
import { tablesSql } from "./postgres-tables.ts";

/** Each entry leads from the version that is its index to the next one; entries are never changed once released. */
const migrations: readonly string[] = [tablesSql + insertSql + claimSql + settleSql + messageSql];

const postgresSchemaVersion = migrations.length;

/** Names in one schema of a database. */
export interface PostgresNames {
  readonly schema: string;
  readonly work: string;
  readonly control: string;
  readonly final: string;
  /** Puts the schema and the channels into a statement. */
  sql(text: string): string;
}

export function postgresNames(schema: string): PostgresNames {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,49}$/.test(schema)) {
    throw new InvalidOptionsError({ field: "schema", expected: "letters, digits and _, at most 50", received: schema });
  }
  const channel = (what: string) => `${schema}.${what}`;
  const work = channel("work");
  const control = channel("control");
  const final = channel("final");
  const sql = (text: string) =>
    text
      .replaceAll(/\bS\./g, `"${schema}".`)
      .replaceAll("'WORK'", `'${work}'`)
      .replaceAll("'CONTROL'", `'${control}'`)
      .replaceAll("'FINAL'", `'${final}'`);
  return { schema, work, control, final, sql };
}

/** Brings the schema up to date; several processes may do so at once. */
export async function migratePostgres(client: PostgresClientLike, names: PostgresNames): Promise<void> {
  if ((await readVersion(client, names)) === postgresSchemaVersion) return;
  await client.query({ text: "BEGIN" });
  try {
    await client.query({ text: "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", values: [`actorfleet ${names.schema}`] });
    await client.query({ text: `CREATE SCHEMA IF NOT EXISTS "${names.schema}"` });
    await client.query({
      text: names.sql("CREATE TABLE IF NOT EXISTS S.schema_versions (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"),
    });
    const found = (await readVersion(client, names)) ?? 0;
    for (let version = found; version < postgresSchemaVersion; version++) {
      await client.query({ text: names.sql(migrations[version] as string) });
      await client.query({ text: names.sql("INSERT INTO S.schema_versions (version) VALUES ($1)"), values: [version + 1] });
    }
    await client.query({ text: "COMMIT" });
  } catch (error) {
    await client.query({ text: "ROLLBACK" }).catch(() => {});
    throw error;
  }
}

async function readVersion(client: PostgresClientLike, names: PostgresNames): Promise<number | undefined> {
  const known = await client.query({
    text: "SELECT to_regclass($1) IS NOT NULL AS there",
    values: [names.sql("S.schema_versions")],
    types: postgresTypes,
  });
  if (!(known.rows[0] as { there: boolean }).there) return undefined;
  const { rows } = await client.query({ text: names.sql("SELECT max(version) AS version FROM S.schema_versions"), types: postgresTypes });
  const found = (rows[0] as { version: number | null }).version ?? undefined;
  if (found !== undefined && found > postgresSchemaVersion)
    throw new SchemaVersionError({ where: `schema ${names.schema}`, found, supported: postgresSchemaVersion });
  return found;
}
