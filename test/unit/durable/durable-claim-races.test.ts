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

/** A store whose claims are carried out at once, and answered when the gate is opened. */
function slowlyAnswered(which: "empty" | "full" = "full"): { store: ExecutionStore; answer(): void } {
  const store = world.store();
  const waiting: (() => void)[] = [];
  const slow = new Proxy(store, {
    get(target, key) {
      if (key !== "claim") return target[key as "claim"];
      return async (...parameters: Parameters<ExecutionStore["claim"]>) => {
        const report = await target.claim(...parameters);
        if ((report.executions.length === 0) === (which === "empty")) await new Promise<void>((resolve) => waiting.push(resolve));
        return report;
      };
    },
  });
  const answer = () => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  return { store: slow, answer };
}

const firstSignal = async (_: null, { signals, signal }: ExecutionScope) => {
  for await (const event of signals()) return event.type;
  throw signal.reason;
};

test("what is stored for an execution while the answer to its claim is on its way is not missed", async () => {
  const { store, answer } = slowlyAnswered();
  const client = world.process({ orchestrator: firstSignal, role: "client" });
  world.process({ orchestrator: firstSignal, role: "worker", store, leaseMs: 60_000, pollMs: 60_000 });
  const [told, cancelled] = await client.startMany([{ input: null }, { input: null }]);
  await world.clock.settle();
  expect(await client.counts()).toMatchObject({ running: 2 });
  await client.send(told as string, { type: "hello" });
  await client.cancel(cancelled as string);
  const ends = Promise.allSettled([client.waitFor(told as string), client.waitFor(cancelled as string)]);
  await world.clock.settle();
  answer();
  await world.clock.advance(100);
  expect(await ends).toMatchObject([{ value: "hello" }, { reason: { code: "EXECUTION_CANCELLED" } }]);
});

test("close waits for the answer to a claim that is under way, and gives back what it brings", async () => {
  const { store, answer } = slowlyAnswered();
  const client = world.process({ orchestrator: firstSignal, role: "client" });
  const worker = world.process({ orchestrator: firstSignal, role: "worker", store });
  const id = await client.start(null);
  await world.clock.settle();
  const closed = worker.close({ deadlineMs: 1_000 });
  await world.clock.advance(500);
  answer();
  expect(await closed).toEqual({ drained: 0, cancelled: 0, released: 1, abandoned: 0 });
  expect(await client.getStatus(id)).toMatchObject({ status: "queued", takeovers: 0 });
});

test("drain does not take the answer to an earlier claim for the answer to what has been started since", async () => {
  const { store, answer } = slowlyAnswered("empty");
  const orchestrator = (_: number) => new Promise<void>((resolve) => world.clock.setTimeout(resolve, 50));
  const client = world.process({ orchestrator, role: "client" });
  const both = world.process({ orchestrator, store });
  await world.clock.settle();
  await client.start(1);
  const countsAtTheEnd = both.drain().then(() => client.counts());
  for (let claims = 0; claims < 20; claims++) {
    answer();
    await world.clock.advance(20);
  }
  expect(await countsAtTheEnd).toMatchObject({ completed: 1 });
});

test("a place that becomes free in a limited group is taken at once, not with the next poll", async () => {
  const orchestrator = () => new Promise<void>((resolve) => world.clock.setTimeout(resolve, 10));
  const options = { orchestrator, maxConcurrentPerGroup: 1, pollMs: 60_000 };
  const client = world.process({ ...options, role: "client" });
  for (let count = 0; count < 2; count++) world.process({ ...options, role: "worker" });
  await client.startMany(Array.from({ length: 20 }, () => ({ input: null, options: { group: "one" } })));
  await world.clock.advance(20 * 10 + 100);
  expect(await client.counts()).toMatchObject({ completed: 20 });
});

test("what is given back at the deadline of a close is not ended as failed by its orchestrator's last word", async () => {
  const orchestrator = (_: null, { signal }: ExecutionScope) =>
    new Promise<never>((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("interrupted")), { once: true }));
  const client = world.process({ orchestrator, role: "client" });
  const worker = world.process({ orchestrator, role: "worker" });
  const id = await client.start(null);
  await world.clock.settle();
  const closed = worker.close({ deadlineMs: 100 });
  await world.clock.advance(200);
  expect(await closed).toMatchObject({ released: 1 });
  expect(await client.getStatus(id)).toMatchObject({ status: "queued", attempt: 1, takeovers: 0 });
});

test("drain waits for delayed starts and retries, and not for what is parked, however far its timer is", async () => {
  const sleeper = setup({}).createMachine({
    id: "sleeper",
    initial: "waiting",
    states: { waiting: { tags: "waiting", after: { [3 * 24 * 3_600_000]: "over" } }, over: { type: "final" } },
  });
  const coordinator = world.process({ orchestrator: sleeper });
  await coordinator.start(undefined);
  const delayed = await coordinator.start(undefined, { delayMs: 5_000 });
  await world.clock.advance(1_000);
  expect(await coordinator.list()).toMatchObject({ items: [{ state: "running.waiting" }, { state: "queued.delayed" }] });
  let isDrained = false;
  const drained = coordinator.drain().then(() => {
    isDrained = true;
  });
  await world.clock.advance(3_900);
  expect(isDrained).toBe(false);
  await world.clock.advance(1_000);
  await drained;
  expect(await coordinator.getStatus(delayed)).toMatchObject({ state: "running.waiting" });
});
