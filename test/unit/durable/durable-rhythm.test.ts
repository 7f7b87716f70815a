import { afterEach, beforeEach, expect, test } from "vitest";
import { Patience } from "../../../src/core/durable-patience.ts";
import { WriteBatch } from "../../../src/core/durable-write-batch.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const inputs = (count: number) => Array.from({ length: count }, (_, input) => ({ input }));

test("the places of what is settled are asked for in the same tick, so that every round is one write and one claim", async () => {
  const store = world.store();
  const both = world.process({ orchestrator: async (n: number) => n, maxConcurrent: 5, store });
  both.pause();
  await both.startMany(inputs(20));
  store.calls.length = 0;
  both.resume();
  await world.clock.advance(100);
  expect(await both.counts()).toMatchObject({ completed: 20 });
  const rhythm = store.calls.filter((call) => call === "claim" || call === "settle");
  expect(rhythm).toEqual(["claim", "settle", "claim", "settle", "claim", "settle", "claim", "settle", "claim"]);
});

test("a claim beside a settlement whose answer is lost is repeated and gets what it got", async () => {
  const store = world.store();
  const orchestrator = (n: number) => new Promise<number>((resolve) => world.clock.setTimeout(() => resolve(n), 5));
  const both = world.process({ orchestrator, maxConcurrent: 4, store });
  const ids = await both.startMany(inputs(40));
  await world.clock.advance(12);
  store.faults.set("claim", "after");
  await world.clock.advance(200);
  store.faults.delete("claim");
  await world.clock.advance(2_000);
  expect(await both.counts()).toMatchObject({ completed: 40 });
  for (const id of ids) expect(await both.getStatus(id)).toMatchObject({ attempt: 1, takeovers: 0 });
});

test("with two writes at once no more are claimed than there are places", async () => {
  const store = world.store();
  let most = 0;
  const counting = new Proxy<ExecutionStore>(store, {
    get(target, key) {
      if (key === "capabilities") return { ...target.capabilities, writesAtOnce: 2 };
      if (key !== "claim") return target[key as keyof ExecutionStore];
      return async (request: Parameters<ExecutionStore["claim"]>[0]) => {
        const report = await target.claim(request);
        most = Math.max(most, (await target.counts({ name: "test" })).running);
        return report;
      };
    },
  });
  const orchestrator = (n: number) => new Promise<number>((resolve) => world.clock.setTimeout(() => resolve(n), 1 + (n % 3)));
  const both = world.process({ orchestrator, maxConcurrent: 40, store: counting });
  await both.startMany(inputs(400));
  await world.clock.advance(1_000);
  expect(await both.counts()).toMatchObject({ completed: 400 });
  expect(most).toBe(40);
});

test("a place that is free in a limited group is used at once", async () => {
  const both = world.process({ orchestrator: async (n: number) => n, maxConcurrentPerGroup: 1 });
  await both.startMany(inputs(20).map((entry) => ({ ...entry, options: { group: "tenant" } })));
  await world.clock.advance(100);
  expect(await both.counts()).toMatchObject({ completed: 20 });
});

test("a hundred that are waited for in one tick are looked up together", async () => {
  const store = world.store();
  const client = world.process({ orchestrator: async (n: number) => n, role: "client", store });
  world.process({ orchestrator: async (n: number) => n, role: "worker" });
  const ids = await client.startMany(inputs(100));
  await world.clock.advance(100);
  store.calls.length = 0;
  const results = Promise.all(ids.map((id) => client.waitFor(id)));
  await world.clock.settle();
  expect(await results).toEqual(inputs(100).map(({ input }) => input));
  expect(store.calls.filter((call) => call === "get")).toHaveLength(1);
});

test("of two writes at once each gets a half, and what is little waits for the one that is under way", async () => {
  const answers: (() => void)[] = [];
  const sizes: number[] = [];
  const batch = new WriteBatch<number, number>({
    patience: new Patience(world.clock, () => 0.5),
    maxSize: 500,
    atOnce: 2,
    goesOn: () => true,
    write: (items) => {
      sizes.push(items.length);
      return new Promise((resolve) => answers.push(() => resolve(items)));
    },
  });
  const add = (count: number) => Promise.all(inputs(count).map(({ input }) => batch.add(input)));
  const first = add(100);
  await world.clock.settle();
  expect(sizes).toEqual([50, 50]);
  answers[0]?.();
  await world.clock.settle();
  const few = add(3);
  await world.clock.settle();
  expect(sizes).toEqual([50, 50]);
  answers[1]?.();
  await world.clock.settle();
  expect(sizes).toEqual([50, 50, 3]);
  answers[2]?.();
  expect(await first).toHaveLength(100);
  expect(await few).toEqual([0, 1, 2]);
});
