import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
  expect(world.errors).toEqual([]);
});

const typesOf = (events: readonly { type: string }[]) => events.map(({ type }) => type.replace("execution.", ""));

test("what happened is stored in order, from all processes, and read with its result from any", async () => {
  const worker = world.process({ orchestrator: async (n: number) => n * 2, role: "worker", maxStoredEvents: 100 });
  const client = world.process({ orchestrator: async (n: number) => n, role: "client" });
  const startedAt = world.clock.now();
  const id = await client.start(21);
  await world.clock.advance(200);
  const events = await client.history(id);
  expect(typesOf(events)).toEqual(["queued", "started", "completed"]);
  expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(events[0]).toEqual({ type: "execution.queued", executionId: id, at: startedAt, attempt: 0, sequence: 1 });
  expect(events[2]).toMatchObject({ executionId: id, attempt: 1, result: 42 });
  expect(await worker.history("nobody")).toEqual([]);
});

test("none are stored unless wanted, and none are written", async () => {
  const store = world.store();
  const both = world.process({ orchestrator: async () => {}, store });
  const id = await both.start(undefined as never);
  await world.clock.advance(1_000);
  expect(await both.history(id)).toEqual([]);
  expect(store.calls).not.toContain("appendEvents");
});

test("reading goes on after a number, in pages", async () => {
  const orchestrator = async (_: null, { attempt }: ExecutionScope) => {
    if (attempt < 3) throw new Error("again");
  };
  const both = world.process({
    orchestrator,
    maxStoredEvents: 100,
    retry: { maxAttempts: 3, backoff: { type: "exponential", delayMs: 10 } },
  });
  const id = await both.start(null);
  await world.clock.advance(2_000);
  const all = await both.history(id);
  expect(typesOf(all)).toEqual(["queued", "started", "retrying", "started", "retrying", "started", "completed"]);
  expect(await both.history(id, { after: 5 })).toEqual(all.slice(5));
  expect(await both.history(id, { after: 1, limit: 2 })).toEqual(all.slice(1, 3));
});

test("an execution keeps its newest events, and their numbers tell what was dropped", async () => {
  const orchestrator = async (_: null, { progress }: ExecutionScope) => {
    for (let step = 1; step <= 10; step++) {
      progress(step);
      await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 1_000));
    }
  };
  const both = world.process({ orchestrator, maxStoredEvents: 4 });
  const id = await both.start(null);
  await world.clock.advance(11_000);
  const events = await both.history(id);
  expect(events.map(({ sequence }) => sequence)).toEqual([10, 11, 12, 13]);
  expect(typesOf(events)).toEqual(["progressed", "progressed", "progressed", "completed"]);
});

test("progress that comes in a rush is written once, and with others in one call", async () => {
  const store = world.store();
  const orchestrator = async (_: number, { progress }: ExecutionScope) => {
    for (let step = 1; step <= 100; step++) progress(step);
    await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 1_000));
  };
  const both = world.process({ orchestrator, maxStoredEvents: 100, store });
  const ids = await both.startMany([1, 2, 3, 4, 5].map((n) => ({ input: n })));
  await world.clock.advance(2_000);
  for (const id of ids) {
    const events = await both.history(id);
    expect(events.filter(({ type }) => type === "execution.progressed")).toMatchObject([{ progress: 100 }]);
  }
});

test("a worker that takes over goes on in the same history; the one before tells nothing more", async () => {
  const store = world.store();
  const hanging = world.process({ orchestrator: () => new Promise<string>(() => {}), store, leaseMs: 3_000, maxStoredEvents: 100 });
  const id = await hanging.start(undefined as never);
  await world.clock.advance(500);
  store.faults.set("*", "before");
  const second = world.process({ orchestrator: async () => "done", role: "worker", leaseMs: 3_000, maxStoredEvents: 100 });
  await world.clock.advance(5_000);
  store.faults.clear();
  await world.clock.advance(5_000);
  const events = await second.history(id);
  expect(typesOf(events)).toEqual(["queued", "started", "started", "completed"]);
  expect(events.at(-1)).toMatchObject({ attempt: 2, result: "done" });
});

test("ends that no worker tells are stored, too: cancelled while queued, and lost with too many workers", async () => {
  const client = world.process({ orchestrator: async () => {}, role: "client", maxStoredEvents: 100 });
  const cancelled = await client.start(undefined as never);
  await client.cancel(cancelled, "not needed");
  expect(typesOf(await client.history(cancelled))).toEqual(["queued", "cancelled"]);
  expect((await client.history(cancelled))[1]).toMatchObject({ reason: "not needed", durationMs: 0 });

  const store = world.store();
  const options = { maxStoredEvents: 100, maxTakeovers: 0, leaseMs: 3_000 };
  const dying = world.process({ orchestrator: () => new Promise<void>(() => {}), store, ...options });
  const lost = await dying.start(undefined as never);
  await world.clock.advance(500);
  store.faults.set("*", "before");
  world.process({ orchestrator: async () => {}, role: "worker", ...options });
  await world.clock.advance(5_000);
  const events = await client.history(lost);
  expect(typesOf(events)).toEqual(["queued", "started", "failed"]);
  expect(events.at(-1)).toMatchObject({ error: { code: "EXECUTION_LOST" } });
});

test.each(["before", "after"] as const)("a write that fails %s it is done is repeated, and nothing is doubled", async (fault) => {
  const store = world.store();
  const both = world.process({ orchestrator: async () => "done", store, maxStoredEvents: 100 });
  store.faults.set("appendEvents", fault);
  const id = await both.start(undefined as never);
  await world.clock.advance(100);
  store.faults.clear();
  await world.clock.advance(1_000);
  expect(typesOf(await both.history(id))).toEqual(["queued", "started", "completed"]);
});

test("what this process has told can be read from it at once", async () => {
  const both = world.process({ orchestrator: async () => "done", maxStoredEvents: 100 });
  const id = await both.start(undefined as never);
  await both.waitFor(id);
  expect(typesOf(await both.history(id))).toEqual(["queued", "started", "completed"]);
});

test("close writes what is not written yet, and does not wait for a store that is away", async () => {
  const store = world.store();
  const both = world.process({ orchestrator: async () => "done", store, maxStoredEvents: 100 });
  const id = await both.start(undefined as never);
  await both.waitFor(id);
  const reader = world.process({ orchestrator: async () => "", role: "client" });
  expect(await reader.history(id)).toEqual([]);
  await both.close();
  expect(typesOf(await reader.history(id))).toEqual(["queued", "started", "completed"]);

  const away = world.store();
  const other = world.process({ orchestrator: async () => "done", store: away, maxStoredEvents: 100 });
  away.faults.set("appendEvents", "before");
  await other.start(undefined as never);
  await world.clock.settle();
  const closed = other.close();
  await world.clock.advance(1_500);
  await closed;
});

test("wrong questions are refused", async () => {
  const both = world.process({ orchestrator: async () => {}, role: "client" });
  await expect(both.history("")).rejects.toThrow("id");
  await expect(both.history("a", { after: -1 })).rejects.toThrow("after");
  await expect(both.history("a", { limit: 0 })).rejects.toThrow("limit");
  expect(() => world.process({ orchestrator: async () => {}, maxStoredEvents: -1 })).toThrow("maxStoredEvents");
});
