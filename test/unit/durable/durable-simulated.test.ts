import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { createWorld } from "./durable-world.ts";

/** What the simulation of crash schedules has found, each as small as it can be told. */

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const untilStopped = (_: unknown, { signal }: ExecutionScope) =>
  new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

test("a checkpoint that could not be written is given up with its lease", async () => {
  const store = world.store();
  store.faults.set("checkpoint", "before");
  const coordinator = world.process({
    store,
    orchestrator: async (_: unknown, { checkpoint }: ExecutionScope) => void checkpoint(1).catch(() => {}),
  });
  const id = await coordinator.start(undefined);
  await world.clock.advance(0);
  expect(await coordinator.getStatus(id)).toMatchObject({ status: "completed" });
  const before = store.calls.filter((method) => method === "checkpoint").length;
  await world.clock.advance(20_000);
  expect(store.calls.filter((method) => method === "checkpoint").length).toBe(before);
});

test("what is given back at the deadline of a close is settled and counted once", async () => {
  const store = world.store();
  const coordinator = world.process({ store, orchestrator: untilStopped });
  await coordinator.start(undefined);
  await world.clock.advance(10);
  const closed = coordinator.close({ mode: "drain", deadlineMs: 100 });
  await world.clock.advance(2_000);
  expect(await closed).toEqual({ drained: 0, cancelled: 0, released: 1, abandoned: 0 });
  expect(store.calls.filter((method) => method === "settle")).toHaveLength(1);
});

test("what a claim brings while its worker closes is given back before the close is over", async () => {
  const store = world.store();
  const { claim } = store;
  store.claim = (request) => new Promise((resolve) => world.clock.setTimeout(() => resolve(claim(request)), 200));
  const coordinator = world.process({ store, orchestrator: untilStopped, role: "worker" });
  const client = world.process({ orchestrator: untilStopped, role: "client" });
  const id = await client.start(undefined);
  await world.clock.advance(100);
  const closed = coordinator.close();
  await world.clock.advance(1_000);
  expect(await closed).toEqual({ drained: 0, cancelled: 0, released: 1, abandoned: 0 });
  expect(await client.getStatus(id)).toMatchObject({ status: "queued", takeovers: 0 });
});
