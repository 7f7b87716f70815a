import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import { setup } from "xstate";
import type { StoredExecution } from "../../../src/model/stored-execution.ts";
import { newExecution } from "../../../src/testing/contract/store-world.ts";
import { createWorld, type FaultyStore } from "./durable-world.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

let world: ReturnType<typeof createWorld>;

afterEach(async () => {
  await world.closeAll();
});

const waiting = setup({ types: { events: {} as { type: "go" } } }).createMachine({
  id: "waiting",
  initial: "waiting",
  states: { waiting: { tags: "waiting", after: { 864000000: "done" }, on: { go: "done" } }, done: { type: "final" } },
});

const name = "test";
const hour = 3_600_000;

/** When the store has forgotten who claimed what. */
async function heapLater(): Promise<number> {
  await world.clock.advance(hour);
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** What an idle process asks of its store in an hour, by method. */
async function callsOfAnHour(store: FaultyStore): Promise<Record<string, number>> {
  store.calls.length = 0;
  await world.clock.advance(hour);
  return Object.fromEntries(
    [...new Set(store.calls)].sort().map((method) => [method, store.calls.filter((call) => call === method).length]),
  );
}

/** Written as another process would have. */
async function parkElsewhere(store: FaultyStore, count: number, like: StoredExecution): Promise<void> {
  const { checkpoint, progress = "null", machineId } = like;
  const size = 1_000;
  for (let first = 0; first < count; first += size) {
    const claimId = `elsewhere-${await store.counts({ name }).then(({ total }) => total)}`;
    const executions = Array.from({ length: size }, (_, index) => newExecution(`${claimId}-${index}`, { machineId }));
    await store.insert({ name, executions });
    const { executions: claimed } = await store.claim({
      name,
      owner: "elsewhere",
      claimId,
      limit: size,
      leaseMs: 60_000,
      machineId,
      versions: [],
    });
    // Texts of its own for each record.
    const copy = (text: string) => JSON.stringify(JSON.parse(text));
    const saved = () => ({ revision: 1, body: copy(checkpoint?.body ?? "null"), consumedSignal: 0 });
    const entries = claimed.map(({ id, fence }) => ({ id, fence, wakeInMs: 240 * hour, progress: copy(progress), checkpoint: saved() }));
    await store.park({ name, owner: "elsewhere", entries });
  }
}

test("100 000 parked executions cost a process nothing", { timeout: 120_000 }, async () => {
  world = createWorld();
  const store = world.store();
  const both = world.process({ orchestrator: waiting, store, maxConcurrent: 500, pollMs: 60_000, leaseMs: 600_000 });
  const park = async (count: number) => {
    const goal = (await store.counts({ name })).parked + count;
    await both.startMany(Array.from({ length: count }, () => ({ input: undefined })));
    while ((await store.counts({ name })).parked < goal) await world.clock.advance(1_000);
  };
  await park(5_000);
  await world.clock.advance(hour);
  const callsBefore = await callsOfAnHour(store);
  const timersBefore = world.clock.pending;

  const heapBefore = await heapLater();
  await park(5_000);
  const heapParked = await heapLater();
  const { items } = await store.list({ name, limit: 1 });
  const [like] = await store.get(name, [items[0]?.id ?? ""]);
  both.pause();
  await parkElsewhere(store, 5_000, like as StoredExecution);
  const heapElsewhere = await heapLater();
  await parkElsewhere(store, 85_000, like as StoredExecution);
  both.resume();

  expect(await store.counts({ name })).toMatchObject({ total: 100_000, parked: 100_000 });
  expect(both.stats.getSnapshot().context).toMatchObject({ running: 0, waiting: 0, slotsTaken: 0, queued: 0 });
  const { fleet } = both.supervisor.getSnapshot().context;
  expect([...fleet.records()]).toEqual([]);
  // What is done at intervals does not grow with them, and no timer is theirs.
  await world.clock.advance(hour);
  expect(await callsOfAnHour(store)).toEqual(callsBefore);
  expect(world.clock.pending).toBe(timersBefore);
  // Beside the records of the store, which are in this heap, too, nothing is left of those that were parked here.
  const bytesEach = (heapParked - heapBefore - (heapElsewhere - heapParked)) / 5_000;
  expect(bytesEach).toBeLessThan(150);
});
