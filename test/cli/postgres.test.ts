import { expect, it } from "vitest";
import { createPostgresStore } from "../../src/adapters/postgres/index.ts";
import { createDurableCoordinator } from "../../src/index.ts";
import { startPostgres } from "../support/postgres-server.ts";
import { actorfleet } from "./command.ts";

it("over Postgres, commands make nothing where there is nothing, and look and steer where there is something", async () => {
  const server = await startPostgres();
  try {
    const at = ["--store", server.connectionString];
    const empty = await actorfleet("ls", ...at);
    expect(empty.code).toBe(3);
    expect(empty.error).toMatch(/^error: There are no executions of actorfleet in schema actorfleet of postgres:\/\/postgres@127\.0\.0\.1/);

    const store = createPostgresStore({ connectionString: server.connectionString, schema: "fleet" });
    const client = createDurableCoordinator({ name: "reports", store, role: "client", orchestrator: async (title: string) => title });
    await client.startMany(["one", "two"].map((input) => ({ input, options: { id: input, group: "g" } })));
    await client.close();
    await store.close();

    expect((await actorfleet("ls", ...at)).code, "still nothing in the default schema").toBe(3);
    const inFleet = [...at, "--schema", "fleet"];
    expect((await actorfleet("ls", ...inFleet)).out).toMatch(/^one +queued +g .*\ntwo +queued +g /m);
    expect(await actorfleet("cancel", "two", "--reason", "enough", ...inFleet)).toMatchObject({ code: 0, out: "two: cancelled\n" });
    expect((await actorfleet("stats", ...inFleet)).out).toMatch(/^queued +1\n.*\n.*\n.*\ncancelled +1\ntotal +2$/m);
    const wrong = await actorfleet("ls", ...at, "--schema", "no-such");
    expect(wrong.code).toBe(2);
    expect(wrong.error).toMatch(/^error: schema: expected letters, digits and _/);
  } finally {
    await server.remove();
  }
});
