import type { Pool } from "pg";

/** The server's clock, as far as a store in this schema looks at it, stands still from now on. The store must have been used. */
export async function stopPostgresTime(admin: Pool, schema: string, now: number): Promise<void> {
  await admin.query(`CREATE TABLE ${schema}.time (now bigint); INSERT INTO ${schema}.time VALUES (${now});
    CREATE OR REPLACE FUNCTION ${schema}.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS 'SELECT now FROM ${schema}.time'`);
}

export async function setPostgresTime(admin: Pool, schema: string, now: number): Promise<void> {
  await admin.query(`UPDATE ${schema}.time SET now = ${now}`);
}
