import pg from "pg";
import { test } from "vitest";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { faultSeed } from "./fault-seed.ts";
import { crashed, type Outage, serverOutages, stopped } from "./server-outages.ts";

const crashedInRecovery: Outage<PostgresServer> = async (server, pause) => {
  await server.crash();
  await pause(0, 800);
  await server.crashInRecovery();
  await server.start();
};

describeWithPostgres(`a Postgres that goes away (seed ${faultSeed})`, () => {
  const { endure, endureLostConnections } = serverOutages({
    start: startPostgres,
    storeIn: ({ connectionString }, schema) => ({ kind: "postgres", connectionString, schema, operationTimeoutMs: 2_000 }),
  });

  test("stopped and started, killed, and killed while it recovers, under load: what was accepted comes to its end", async () => {
    await endure([stopped, crashed, crashedInRecovery, stopped, crashedInRecovery, crashed]);
  }, 120_000);

  test("all its connections ended again and again", async () => {
    await endureLostConnections(async ({ connectionString }) => {
      const admin = new pg.Client({ connectionString });
      await admin.connect();
      return {
        async endAll() {
          const { rowCount } = await admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
          );
          return rowCount ?? 0;
        },
        close: () => admin.end(),
      };
    });
  }, 120_000);
});
