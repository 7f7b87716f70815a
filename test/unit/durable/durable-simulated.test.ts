import { afterEach, beforeEach, expect, test } from "vitest";
import { setup } from "xstate";
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

/** A store that answers claims after a while. */
function slowStore() {
  const store = world.store();
  const { claim } = store;
  store.claim = (request) => {
    const answer = claim(request);
    return new Promise((resolve) => world.clock.setTimeout(() => resolve(answer), 200));
  };
  return store;
}

/** A store that answers no more claims once one has brought something. */
function claimingOnce() {
  const store = world.store();
  const { claim } = store;
  let hasBrought = false;
  store.claim = async (request) => {
    if (hasBrought) return new Promise(() => {});
    const report = await claim(request);
    hasBrought = report.executions.length > 0;
    return report;
  };
  return store;
}

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
  const client = world.process({ orchestrator: untilStopped, role: "client" });
  const id = await client.start(undefined);
  const coordinator = world.process({ store: slowStore(), orchestrator: untilStopped, role: "worker" });
  await world.clock.advance(100);
  const closed = coordinator.close();
  await world.clock.advance(1_000);
  expect(await closed).toEqual({ drained: 0, cancelled: 0, released: 1, abandoned: 0 });
  expect(await client.getStatus(id)).toMatchObject({ status: "queued", takeovers: 0 });
});

test("a cancel reaches what its worker has claimed and not begun", async () => {
  const client = world.process({ orchestrator: untilStopped, role: "client" });
  await client.startMany(["first", "second"].map((id) => ({ input: undefined, options: { id } })));
  const options = { orchestrator: untilStopped, role: "worker", maxConcurrent: 2, leaseMs: 3_000 } as const;
  const coordinator = world.process({ ...options, store: slowStore() });
  const told: string[] = [];
  coordinator.on("*", ({ type, executionId }) => told.push(`${executionId} ${type}`));
  await world.clock.advance(100);
  // Both are claimed; when the answer comes, there is a slot for one only.
  coordinator.setMaxConcurrent(1);
  await world.clock.advance(200);
  expect(await client.list({ status: "running" })).toMatchObject({ items: [{ id: "first" }, { id: "second" }] });
  expect(coordinator.stats.getSnapshot().context).toMatchObject({ running: 1, queued: 1 });
  const end = client.waitFor("second").catch((error: unknown) => error);
  expect(await client.cancel("second", "not needed")).toBe(true);
  await world.clock.advance(2_000);
  expect(await client.getStatus("second")).toMatchObject({ status: "cancelled", reason: "not needed" });
  expect(await end).toMatchObject({ name: "ExecutionCancelledError" });
  expect(told.filter((line) => line.startsWith("second"))).toEqual(["second execution.cancelled"]);
  expect(coordinator.stats.getSnapshot().context).toMatchObject({ running: 1, queued: 0, slotsTaken: 1 });
});

test("a lease whose claim was answered late is let go of in its own time, not in that of older ones", async () => {
  const store = world.store();
  const stopped: Record<string, number> = {};
  world.process({
    orchestrator: async (name: string, { signal }: ExecutionScope) => {
      signal.addEventListener("abort", () => {
        stopped[name] = world.clock.monotonicNow();
      });
      return untilStopped(name, { signal } as ExecutionScope);
    },
    store,
    role: "worker",
    leaseMs: 3_000,
  });
  const client = world.process({ orchestrator: async (_: string) => {}, role: "client" });
  await client.start("first");
  await world.clock.advance(1_800);
  store.faults.set("claim", "after");
  await client.start("second");
  await world.clock.advance(940);
  store.faults.clear();
  await world.clock.advance(259);
  store.faults.set("renew", "before");
  await world.clock.advance(3_000);
  // Nine tenths of a lease after the claim was sent, and after the last renewal.
  expect(stopped).toEqual({ second: 1_800 + 2_700, first: 2_000 + 2_700 });
});

test.each(["absolute", "remaining", "restart"] as const)(
  "a parked machine's timer goes on while it is parked (timers: %s)",
  async (timers) => {
    const sleeper = setup({}).createMachine({
      id: "sleeper",
      initial: "waiting",
      states: { waiting: { tags: "waiting", after: { 10000: "over" } }, over: { type: "final" } },
    });
    const coordinator = world.process({ orchestrator: sleeper, restore: { timers } });
    const id = await coordinator.start(undefined);
    await world.clock.advance(9_900);
    expect(await coordinator.getStatus(id)).toMatchObject({ state: "running.waiting" });
    await world.clock.advance(1_000);
    expect(await coordinator.getStatus(id)).toMatchObject({ status: "completed", attempt: 1 });
  },
);

test("what a worker has claimed and not begun does not begin in the place of what unwinds after its lease was lost", async () => {
  let running = 0;
  const most: number[] = [];
  const orchestrator = async (_: unknown, { signal }: ExecutionScope) => {
    most.push(++running);
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 500));
    running -= 1;
  };
  const client = world.process({ orchestrator, role: "client" });
  await client.startMany(["first", "second"].map((id) => ({ input: undefined, options: { id } })));
  const store = slowStore();
  const { renew } = store;
  store.renew = async (request) => {
    const reports = await renew(request);
    return reports.map((report, index) => (request.leases[index]?.id === "first" ? { held: false, reason: "expired" } : report));
  };
  const options = { orchestrator, role: "worker", maxConcurrent: 2, leaseMs: 3_000 } as const;
  const coordinator = world.process({ ...options, store });
  await world.clock.advance(100);
  coordinator.setMaxConcurrent(1);
  await world.clock.advance(300);
  expect(coordinator.stats.getSnapshot().context).toMatchObject({ running: 0, queued: 1, slotsTaken: 1 });
  await world.clock.advance(500);
  expect(coordinator.stats.getSnapshot().context).toMatchObject({ running: 1, queued: 0, slotsTaken: 1 });
  expect(most).toEqual([1, 1]);
});

test("a lease that is lost while the store settles it leaves one free place, not two", async () => {
  const store = world.store();
  const asked: number[] = [];
  const { claim } = store;
  store.claim = (request) => {
    asked.push(request.limit);
    return asked.length === 1 ? claim(request) : new Promise(() => {});
  };
  store.faults.set("renew", "before");
  store.faults.set("settle", "hangs");
  const orchestrator = () => new Promise<void>((resolve) => world.clock.setTimeout(resolve, 2_000));
  const client = world.process({ orchestrator, role: "client" });
  await client.start(undefined);
  const worker = world.process({ orchestrator, store, role: "worker", maxConcurrent: 1, leaseMs: 3_000, pollMs: 60_000 });
  await world.clock.advance(2_500);
  expect(asked).toEqual([1, 1]);
  expect(worker.stats.getSnapshot().context).toMatchObject({ running: 1 });
  await world.clock.advance(300);
  expect(worker.stats.getSnapshot().context).toMatchObject({ running: 0 });
  expect(asked).toEqual([1, 1]);
});

test("cancels whose answers are lost until the execution has ended are still accepted, and its end is told once", async () => {
  const store = world.store();
  const coordinator = world.process({ orchestrator: untilStopped, store });
  const told: string[] = [];
  coordinator.on("*", ({ type }) => told.push(type));
  const id = await coordinator.start(undefined);
  await world.clock.advance(0);
  store.faults.set("requestCancel", "after");
  const cancels = [coordinator.cancel(id, "first"), coordinator.cancel(id, "second")];
  await world.clock.advance(500);
  expect(await coordinator.getStatus(id)).toMatchObject({ status: "cancelled", reason: "first" });
  store.faults.clear();
  await world.clock.advance(2_000);
  expect(await Promise.all(cancels)).toEqual([true, true]);
  expect(await coordinator.cancel(id)).toBe(false);
  expect(told.filter((type) => type === "execution.cancelled")).toHaveLength(1);
});

test.each(["the cancel", "the settlement"])(
  "what is cancelled between an attempt and the next, while neither is answered, is told once: %s is answered first",
  async (first) => {
    const store = world.store();
    const orchestrator = async () => {
      throw new Error("once more");
    };
    const retry = { maxAttempts: 3, backoff: { type: "exponential", delayMs: 10_000 } } as const;
    const coordinator = world.process({ orchestrator, store, retry });
    const told: string[] = [];
    coordinator.on("*", ({ type }) => told.push(type));
    store.faults.set("settle", "after");
    const id = await coordinator.start(undefined);
    await world.clock.advance(10);
    expect(await coordinator.getStatus(id)).toMatchObject({ status: "queued", attempt: 1 });
    store.faults.set("requestCancel", "after");
    const cancelled = coordinator.cancel(id);
    await world.clock.advance(10);
    expect(await coordinator.getStatus(id)).toMatchObject({ status: "cancelled" });
    store.faults.delete(first === "the cancel" ? "requestCancel" : "settle");
    await world.clock.advance(2_000);
    expect(told.at(-1)).toBe("execution.cancelled");
    store.faults.clear();
    await world.clock.advance(5_000);
    expect(await cancelled).toBe(true);
    expect(told.filter((type) => type === "execution.cancelled" || type === "execution.retrying")).toEqual(["execution.cancelled"]);
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_CANCELLED" });
    expect(coordinator.stats.getSnapshot().context).toMatchObject({ running: 0, queued: 0, slotsTaken: 0 });
  },
);

test("an attempt that is to be retried frees its place, also where its execution was lost before that is answered", async () => {
  const store = claimingOnce();
  let attempts = 0;
  const orchestrator = async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("once more");
    await new Promise(() => {});
  };
  const first = world.process({ orchestrator, store, maxTakeovers: 0 });
  const told: string[] = [];
  first.on("*", ({ type }) => told.push(type));
  store.faults.set("settle", "after");
  const id = await first.start(undefined, { retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 0 } } });
  await world.clock.advance(10);
  const dying = world.store();
  world.process({ orchestrator, store: dying, role: "worker", leaseMs: 600 });
  await world.clock.advance(10);
  expect(await first.getStatus(id)).toMatchObject({ status: "running", attempt: 2 });
  dying.faults.set("*", "hangs");
  store.faults.set("settle", "hangs");
  await world.clock.advance(2_000);
  await world.store().sweep({ name: "test" });
  expect(await first.getStatus(id)).toMatchObject({ status: "failed", error: { code: "EXECUTION_LOST" } });
  store.faults.clear();
  await world.clock.advance(15_000);
  expect(told).toEqual(["execution.queued", "execution.started", "execution.retrying"]);
  expect(first.stats.getSnapshot().context).toMatchObject({ running: 0, queued: 0, slotsTaken: 0 });
  await expect(first.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_LOST" });
});
