import pg from "pg";
import { afterAll, beforeAll, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { VirtualClock } from "../../src/testing/virtual-clock.ts";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import { setPostgresTime, stopPostgresTime } from "../support/postgres-time.ts";
import { compareWithMemory } from "./twin-stores.ts";

const startedAt = 1_700_000_000_000;

describeWithPostgres("the Postgres store beside the one in memory", () => {
  let server: PostgresServer;
  let admin: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    admin = new pg.Pool({ connectionString: server.connectionString, max: 1, allowExitOnIdle: true });
    admin.on("error", () => {});
  }, 120_000);
  afterAll(async () => {
    await admin?.end();
    await server?.remove();
  });

  it.each(Array.from({ length: 8 }, (_, index) => index + 1))(
    "says the same to the same calls, whatever they are (%i)",
    async (seed) => {
      const schema = `seed${seed}`;
      const clock = new VirtualClock({ now: startedAt });
      const memory = createMemoryStore({ clock });
      const store = createPostgresStore({ connectionString: server.connectionString, schema, maxConnections: 2 });
      await store.counts({ name: "none" });
      await stopPostgresTime(admin, schema, startedAt);
      const elapse = async (ms: number) => {
        await clock.advance(ms);
        await setPostgresTime(admin, schema, clock.now());
      };
      await compareWithMemory({ seed, stores: [memory, store], elapse, exact: false });
      await Promise.all([memory.close(), store.close()]);
    },
    60_000,
  );
});
