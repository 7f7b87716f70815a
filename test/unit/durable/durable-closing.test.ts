import { afterEach, beforeEach, expect, test } from "vitest";
import { setup } from "xstate";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const after = (ms: number) => new Promise<void>((resolve) => world.clock.setTimeout(resolve, ms));

/** Answers to claims wait until they are let through. */
function heldClaims() {
  const store = world.store();
  const held: (() => void)[] = [];
  let isHolding = false;
  const claim: ExecutionStore["claim"] = async (request) => {
    const report = await store.claim(request);
    if (isHolding) await new Promise<void>((resolve) => held.push(resolve));
    return report;
  };
  return {
    store: new Proxy(store, { get: (target, key) => (key === "claim" ? claim : Reflect.get(target, key)) }) as ExecutionStore,
    hold() {
      isHolding = true;
    },
    letGo() {
      isHolding = false;
      for (const resolve of held.splice(0)) resolve();
    },
  };
}

test("what is closed stays so: pause and resume revive nothing", async () => {
  const store = world.store();
  const closed = world.process({ orchestrator: async () => "ran", store });
  await closed.close({ deadlineMs: 0 });
  const client = world.process({ orchestrator: async () => "ran", role: "client" });
  const before = store.calls.length;
  closed.pause();
  closed.resume();
  await client.start(undefined as never);
  await world.clock.advance(2_000);
  expect(store.calls.slice(before)).toEqual([]);
  expect(closed.stats.getSnapshot().context.mode).toBe("closed");
  expect(await client.counts()).toMatchObject({ queued: 1 });
});

test.each([
  ["paused", true],
  ["not paused", false],
])("a drain ends when the last execution left for a later attempt that somebody else makes (%s)", async (_, isPaused) => {
  let attempts = 0;
  const orchestrator = async () => {
    await after(100);
    attempts += 1;
    if (attempts === 1) throw new Error("not yet");
  };
  const retry = { maxAttempts: 2, backoff: { type: "exponential", delayMs: 200 } } as const;
  const worker = world.process({ orchestrator, pollMs: 10_000, retry });
  const id = await worker.start(undefined as never);
  await world.clock.advance(10);
  let isDrained = false;
  if (isPaused) worker.pause();
  void worker.drain().then(() => {
    isDrained = true;
  });
  if (!isPaused) world.process({ orchestrator, pollMs: 50 });
  await world.clock.advance(15_000);
  expect(isDrained).toBe(true);
  expect(await worker.getStatus(id)).toMatchObject(isPaused ? { status: "queued" } : { status: "completed", attempt: 2 });
});

test("a paused worker is not drained while a claim is under way, nor while what it brought runs", async () => {
  const { store, hold, letGo } = heldClaims();
  const worker = world.process({ store, orchestrator: () => after(100) });
  await world.clock.advance(10);
  hold();
  await worker.start(undefined as never);
  await world.clock.advance(5);
  worker.pause();
  let isDrained = false;
  void worker.drain().then(() => {
    isDrained = true;
  });
  await world.clock.advance(200);
  expect(isDrained).toBe(false);
  letGo();
  await world.clock.advance(90);
  expect(isDrained).toBe(false);
  await world.clock.advance(100);
  expect(isDrained).toBe(true);
});

test("a signal that came before its execution began is handed over when it begins", async () => {
  const { store, hold, letGo } = heldClaims();
  const got: unknown[] = [];
  const orchestrator = async (waits: boolean, { signals }: ExecutionScope) => {
    if (!waits) return after(1_000);
    for await (const { type } of signals()) {
      got.push([type, world.clock.now() - began]);
      return;
    }
  };
  const worker = world.process({ store, orchestrator, maxConcurrent: 2, leaseMs: 30_000 });
  await world.clock.advance(10);
  const began = world.clock.now();
  hold();
  const [, second] = await worker.startMany([{ input: false }, { input: true }]);
  await world.clock.advance(10);
  worker.setMaxConcurrent(1);
  letGo();
  await world.clock.advance(10);
  await worker.send(second as string, { type: "go" });
  await world.clock.advance(2_000);
  expect(got).toEqual([["go", expect.toSatisfy((ms: number) => ms < 1_200)]]);
});

test("a store whose watch gives no answer holds a close up by a second at most", async () => {
  const store = world.store();
  store.faults.set("watch", "hangs");
  const worker = world.process({ store, orchestrator: async () => {} });
  let isClosed = false;
  void worker.close({ deadlineMs: 0 }).then(() => {
    isClosed = true;
  });
  await world.clock.advance(1_100);
  expect(isClosed).toBe(true);
});

test("a close ends every timer: of claims that failed", async () => {
  const store = world.store();
  const worker = world.process({ store, orchestrator: async () => {} });
  await world.clock.advance(10);
  store.faults.set("claim", "before");
  await world.clock.advance(5_000);
  for (let times = 0; times < 2; times++) {
    worker.pause();
    worker.resume();
    await world.clock.settle();
  }
  await closed(worker);
});

test("a close ends every timer: of checkpoints that are held back", async () => {
  const machine = setup({}).createMachine({
    initial: "one",
    states: { one: { after: { 10: "two" } }, two: { after: { 10: "asking" } }, asking: { tags: "waiting", on: { go: "done" } }, done: {} },
  });
  const worker = world.process({ orchestrator: machine, checkpoint: { throttleMs: 600_000 } });
  const id = await worker.start(undefined as never);
  await world.clock.advance(200);
  expect(await worker.getStatus(id)).toMatchObject({ state: "running.waiting" });
  await closed(worker);
});

test("a close ends every timer: of machines that wait for a place in their group", async () => {
  const machine = setup({}).createMachine({
    initial: "asking",
    states: { asking: { tags: "waiting", after: { 500: "still" } }, still: { tags: "waiting", after: { 700: "busy" } }, busy: {} },
  });
  const worker = world.process({ orchestrator: machine, maxConcurrentPerGroup: 1, pollMs: 120_000, maxConcurrent: 10 });
  const entry = { input: undefined as never, options: { group: "g" } };
  await worker.startMany([entry, entry]);
  await world.clock.advance(5_000);
  await closed(worker);
});

test("a close ends every timer: of a drain that looks again", async () => {
  const worker = world.process({ orchestrator: async () => {} });
  await worker.start(undefined as never, { delayMs: 100_000 });
  await world.clock.advance(20);
  const drained = worker.drain();
  await world.clock.advance(60);
  await closed(worker);
  await drained;
});

test("a close ends every timer: of progress that is told by who was given up", async () => {
  const orchestrator = async (_: undefined, { progress }: ExecutionScope) => {
    await after(500);
    progress(1);
  };
  const worker = world.process({ orchestrator, pollMs: 50_000 });
  await worker.start(undefined);
  await world.clock.advance(20);
  await Promise.all([worker.close({ deadlineMs: 0 }), world.clock.advance(600)]);
  expect(world.clock.pending).toBe(0);
});

async function closed(worker: { close(options: { deadlineMs: number }): Promise<unknown> }): Promise<void> {
  await Promise.all([worker.close({ deadlineMs: 0 }), world.clock.advance(0)]);
  expect(world.clock.pending).toBe(0);
}
