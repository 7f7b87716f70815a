import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { drawer, faultSeed } from "./fault-seed.ts";
import { FaultWorld, within } from "./fault-world.ts";

describeWithPostgres(`a Postgres that goes away (seed ${faultSeed})`, () => {
  let server: PostgresServer;
  let world: FaultWorld | undefined;
  const draw = drawer();
  const pause = (from: number, to: number) => new Promise((resolve) => setTimeout(resolve, draw(from, to)));
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.remove());
  afterEach(async () => {
    await server.start();
    await world?.close();
    world = undefined;
  });

  /** Three workers and a client under load. */
  async function underLoad(schema: string): Promise<FaultWorld> {
    world = await FaultWorld.create({
      store: { kind: "postgres", connectionString: server.connectionString, schema, operationTimeoutMs: 2_000 },
    });
    const workers = [1, 2, 3].map(() => world?.workers.start().ready);
    await Promise.all(workers);
    world.load.keep(16, 6);
    return world;
  }

  /** Some more has begun and ended since, so it works again. */
  async function goesOn({ load }: FaultWorld): Promise<void> {
    const before = load.ended;
    await within(20_000, "executions after an outage", load.untilEnded(before + 20));
  }

  test("stopped and started, killed, and killed while it recovers, under load: what was accepted comes to its end", async () => {
    const at = await underLoad("outages");
    for (const outage of ["stop", "crash", "crashInRecovery", "stop", "crashInRecovery", "crash"] as const) {
      await goesOn(at);
      await pause(0, 300);
      if (outage === "stop") await server.stop();
      else await server.crash();
      await pause(0, 800);
      if (outage === "crashInRecovery") await server.crashInRecovery();
      await server.start();
    }
    await goesOn(at);
    await within(30_000, "the end of what had been started", at.load.finish());
    expect((await at.audit()).executions).toBeGreaterThan(100);
  }, 120_000);

  test("all its connections ended again and again", async () => {
    const at = await underLoad("terminated");
    const admin = new pg.Client({ connectionString: server.connectionString });
    await admin.connect();
    await goesOn(at);
    let ended = 0;
    for (let round = 0; round < 40; round++) {
      await pause(10, 150);
      const { rowCount } = await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
      );
      ended += rowCount ?? 0;
    }
    await admin.end();
    expect(ended).toBeGreaterThan(40);
    await goesOn(at);
    await within(30_000, "the end of what had been started", at.load.finish());
    await at.audit();
  }, 120_000);
});
