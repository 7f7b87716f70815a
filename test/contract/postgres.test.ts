import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { SchemaVersionError, StoreUnavailableError } from "../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../src/ports/execution-store.ts";
import { executionStoreContract } from "../../src/testing/contract/execution-store-contract.ts";
import { newExecution } from "../../src/testing/contract/store-world.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { claimInProcess } from "../support/claiming-process.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { stopPostgresTime } from "../support/postgres-time.ts";

let server: PostgresServer;
let admin: pg.Pool;
let schemas = 0;

beforeAll(async () => {
  server = await startPostgres();
  admin = openAdmin();
}, 120_000);
afterAll(async () => {
  await admin?.end();
  await server?.remove();
});

function nextSchema(): string {
  schemas += 1;
  return `s${schemas}`;
}

describeWithPostgres("Postgres store", () => {
  const contract = executionStoreContract(async () => {
    const schema = nextSchema();
    const opened: ExecutionStore[] = [];
    const open = () => {
      const store = createPostgresStore({ connectionString: server.connectionString, schema, maxConnections: 4 });
      opened.push(store);
      return store;
    };
    const store = open();
    await store.counts({ name: "none" });
    // The server's clock, as far as the store looks at it, stands still until the contract moves it.
    await stopPostgresTime(admin, schema, 1_700_000_000_000);
    return {
      store,
      openSecond: async () => open(),
      elapse: async (ms) => void (await admin.query(`UPDATE ${schema}.time SET now = now + ${ms}`)),
      close: async () => {
        for (const each of opened) await each.close();
        await admin.query(`DROP SCHEMA ${schema} CASCADE`);
      },
    };
  });
  for (const { name, run } of contract) it(name, run);
});

describeWithPostgres("Postgres store, on its own", () => {
  const open = (schema: string) => createPostgresStore({ connectionString: server.connectionString, schema, maxConnections: 4 });

  it("two processes that claim at once never get the same execution, and leave none", async () => {
    const schema = nextSchema();
    const store = open(schema);
    await store.insert({ name: "p", executions: Array.from({ length: 2_000 }, (_, index) => newExecution(`e${index}`)) });
    const address = { kind: "postgres", connectionString: server.connectionString, schema } as const;
    const taken = (await Promise.all([claimInProcess(address), claimInProcess(address)])).flat();
    expect([taken.length, new Set(taken).size]).toEqual([2_000, 2_000]);
    await store.close();
  }, 120_000);

  it("a start in the caller's transaction comes and goes with it", async () => {
    const store = open(nextSchema());
    const client = await admin.connect();
    for (const end of ["ROLLBACK", "COMMIT"]) {
      await client.query("BEGIN");
      const [report] = await store.insert({ name: "t", executions: [newExecution("a")], transaction: client });
      expect(report?.inserted).toBe(true);
      await client.query(end);
      expect((await store.counts({ name: "t" })).total).toBe(end === "COMMIT" ? 1 : 0);
    }
    client.release();
    await store.close();
  });

  it("a refused start does not abort the caller's transaction", async () => {
    const store = open(nextSchema());
    await store.insert({ name: "t", executions: [newExecution("a")] });
    const client = await admin.connect();
    await client.query("BEGIN");
    const [report] = await store.insert({ name: "t", executions: [newExecution("a", { startToken: "other" })], transaction: client });
    expect(report).toEqual({ inserted: false, reason: "duplicate", existingId: "a" });
    await store.insert({ name: "t", executions: [newExecution("b")], transaction: client });
    const executions = Array.from({ length: 20 }, (_, index) => newExecution(`m${index % 19}`, { startToken: `${index}` }));
    const reports = await store.insert({ name: "t", executions, transaction: client });
    expect(reports.filter(({ inserted }) => !inserted)).toEqual([{ inserted: false, reason: "duplicate", existingId: "m0" }]);
    await client.query("COMMIT");
    client.release();
    expect((await store.counts({ name: "t" })).total).toBe(21);
    await store.close();
  });

  it("a claim gives what was queued first first, wherever its row is", async () => {
    const schema = nextSchema();
    const store = open(schema);
    const ids = Array.from({ length: 30 }, (_, index) => `e${index}`);
    await store.insert({ name: "t", executions: ids.map((id, index) => newExecution(id, { priority: index % 2 })) });
    // Each writes a row behind all others.
    for (const id of ["e20", "e5", "e0", "e4"]) await admin.query(`UPDATE ${schema}.executions SET "tags" = "tags" WHERE "id" = $1`, [id]);
    const claim = async (claimId: string, limit: number) => {
      const request = { name: "t", owner: "w", claimId, limit, leaseMs: 60_000, machineId: "machine", versions: "any" } as const;
      return (await store.claim(request)).executions.map(({ id }) => id);
    };
    const odd = ids.filter((_, index) => index % 2 === 1);
    const even = ids.filter((_, index) => index % 2 === 0);
    expect([await claim("a", 4), await claim("b", 13), await claim("c", 13)]).toEqual([
      odd.slice(0, 4),
      [...odd.slice(4), ...even.slice(0, 2)],
      even.slice(2),
    ]);
    await store.close();
  });

  it("of the same lease settled twice by one call the first outcome stands", async () => {
    const store = open(nextSchema());
    const ids = Array.from({ length: 20 }, (_, index) => `e${index}`);
    await store.insert({ name: "t", executions: ids.map((id) => newExecution(id)) });
    const claim = { name: "t", owner: "w", claimId: "c", limit: 20, leaseMs: 60_000, machineId: "machine", versions: "any" } as const;
    const { executions } = await store.claim(claim);
    const settlements = executions.flatMap(({ id, fence }) => [
      { id, fence: fence - 1, outcome: { type: "complete", result: '"stale"' } as const },
      { id, fence, outcome: { type: "complete", result: '"first"' } as const },
      { id, fence, outcome: { type: "fail", error: '"second"' } as const },
    ]);
    const reports = await store.settle({ name: "t", owner: "w", settlements });
    const said = reports.map((report) => (report.settled ? [report.status, report.repeated] : report.reason));
    expect(said).toEqual(ids.flatMap(() => ["final", ["completed", false], ["completed", true]]));
    const kept = await store.get("t", ids);
    expect(new Set(kept.map((execution) => execution?.result))).toEqual(new Set(['"first"']));
    await store.close();
  });

  it("what was committed late is claimed when a claim looks from the start again, what was given back at once", async () => {
    const clock = new VirtualClock();
    const store = createPostgresStore({ connectionString: server.connectionString, schema: nextSchema(), clock });
    let claims = 0;
    const claim = async (limit: number) =>
      store.claim({ name: "t", owner: "w", claimId: `claim ${++claims}`, limit, leaseMs: 60_000, machineId: "machine", versions: "any" });
    const idsOf = ({ executions }: Awaited<ReturnType<typeof claim>>) => executions.map(({ id }) => id);
    const client = await admin.connect();
    await client.query("BEGIN");
    await store.insert({ name: "t", executions: [newExecution("late")], transaction: client });
    await store.insert({ name: "t", executions: [newExecution("a"), newExecution("b"), newExecution("c")] });
    const first = await claim(1);
    expect(idsOf(first)).toEqual(["a"]);
    await client.query("COMMIT");
    client.release();
    await store.settle({ name: "t", owner: "w", settlements: [{ id: "a", fence: 1, outcome: { type: "release" } }] });
    expect(idsOf(await claim(1))).toEqual(["a"]);
    expect(idsOf(await claim(1))).toEqual(["b"]);
    const told: string[] = [];
    await store.watch({ name: "t", work: true }, ({ type }) => told.push(type));
    expect(idsOf(await claim(5))).toEqual(["c"]);
    // Time alone brings nothing new, but it is time to look again.
    await clock.advance(100);
    expect(told).toEqual(["claimable"]);
    expect(idsOf(await claim(5))).toEqual(["late"]);
    await store.close();
  });

  it("stores that migrate an empty schema at once all succeed", async () => {
    const schema = nextSchema();
    const stores = Array.from({ length: 4 }, () => open(schema));
    await Promise.all(stores.map((store) => store.counts({ name: "t" })));
    await Promise.all(stores.map((store) => store.close()));
  });

  it("a newer schema is refused", async () => {
    const schema = nextSchema();
    const store = open(schema);
    await store.counts({ name: "t" });
    await admin.query(`INSERT INTO ${schema}.schema_versions (version) VALUES (999)`);
    const late = open(schema);
    await expect(late.counts({ name: "t" })).rejects.toThrow(SchemaVersionError);
    await store.close();
    await late.close();
  });

  it("a pool of the caller is used and stays open", async () => {
    const store = createPostgresStore({ pool: admin, schema: nextSchema() });
    await store.insert({ name: "t", executions: [newExecution("a")] });
    await store.close();
    expect((await admin.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  });

  it("lost connections cost a call or none, and a watcher listens again and says that it may have missed something", async () => {
    const store = open(nextSchema());
    const heard: string[] = [];
    await store.watch({ name: "t", work: true }, ({ type }) => heard.push(type));
    await admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    );
    await expect.poll(() => heard.includes("missed"), { timeout: 30_000 }).toBe(true);
    await store
      .insert({ name: "t", executions: [newExecution("a")] })
      .catch((error) => expect(error).toBeInstanceOf(StoreUnavailableError));
    await store.insert({ name: "t", executions: [newExecution("a")] });
    await expect.poll(() => heard.includes("claimable"), { timeout: 30_000 }).toBe(true);
    await store.close();
  });

  it("a server that is away is reported as unavailable, and is found again", async () => {
    const store = open(nextSchema());
    await store.insert({ name: "t", executions: [newExecution("a")] });
    await admin.end();
    await server.stop();
    await expect(store.counts({ name: "t" })).rejects.toThrow(StoreUnavailableError);
    await server.start();
    admin = openAdmin();
    expect((await store.counts({ name: "t" })).queued).toBe(1);
    await store.close();
  }, 120_000);
});

/** Its idle connections are lost when the server is stopped, which without a listener would end the process. */
function openAdmin(): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.connectionString, max: 2, idleTimeoutMillis: 0 });
  pool.on("error", () => {});
  return pool;
}
