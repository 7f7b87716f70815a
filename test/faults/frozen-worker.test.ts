import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { describeWithPostgres } from "../support/describe-with-postgres.ts";
import { type PostgresServer, startPostgres } from "../support/postgres-server.ts";
import type { StoreAddress } from "../support/store-address.ts";
import { FaultWorld, temporaryFile, within } from "./fault-world.ts";

let world: FaultWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/**
 * A worker is stopped in the middle of an effect, wakes when its lease is another's, and goes on as if nothing had happened. With a lease that
 * no process outsleeps that is not stopped.
 */
async function freezeAndThaw(store: StoreAddress): Promise<void> {
  world = await FaultWorld.create({ store, leaseMs: 2_000 });
  const { load, sink, workers } = world;
  const frozen = workers.start();
  await frozen.ready;
  await load.startFunction("taken over", { steps: 3, workMs: 150, stubborn: true });
  await within(
    10_000,
    "the first effect",
    sink.until(() => sink.effects("taken over").length === 1),
  );
  await within(
    10_000,
    "the next one's begin",
    sink.until(() => sink.open("taken over").length === 1),
  );
  frozen.freeze();
  const other = workers.start();
  expect(await within(15_000, "the end in another worker", load.endOf("taken over"))).toBe(3);
  expect(sink.highestFence("taken over")).toBe(2);
  expect(sink.refused).toBe(0);
  frozen.thaw();
  // It does not listen to its signal, so it tries to end the effect that it had begun.
  await within(
    10_000,
    "the refusal",
    sink.until(() => sink.refused > 0),
  );
  const [record] = await world.store.get("function", ["taken over"]);
  expect(record).toMatchObject({ status: "completed", attempt: 2, takeovers: 1, fence: 2 });
  // It is as good a worker as before.
  await other.close();
  await load.startFunction("afterwards", { steps: 2, workMs: 5 });
  expect(await within(15_000, "an execution in the thawed worker", load.endOf("afterwards"))).toBe(2);
  expect(await world.audit()).toMatchObject({ executions: 2, takeovers: 1, refused: 1 });
}

const promise = "a worker frozen past its lease changes nothing any more when it wakes, and works on";

test(`${promise}, on SQLite`, async () => {
  const { address, remove } = temporaryFile();
  await freezeAndThaw(address);
  remove();
}, 120_000);

describeWithPostgres("a frozen worker on Postgres", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  }, 120_000);
  afterAll(() => server?.remove());

  test(promise, () => freezeAndThaw({ kind: "postgres", connectionString: server.connectionString, schema: "frozen" }), 60_000);
});
