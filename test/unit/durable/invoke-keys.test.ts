import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assign, createActor, createMachine, fromCallback, fromPromise, setup, spawnChild } from "xstate";
import { idempotencyKeyOf } from "../../../src/core/invoke-entries.ts";
import { createCoordinator, InvokeInterruptedError, LeaseLostError } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";
import { type CrashPoint, createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const rest = (ms: number) => new Promise<void>((resolve) => world.clock.setTimeout(resolve, ms));

/** Charges three times, a second each, and says under which key. */
function charging(charges: string[]) {
  return setup({
    types: { context: {} as { charged: number } },
    actors: {
      charge: fromPromise(async ({ self }) => {
        const key = await idempotencyKeyOf(self);
        charges.push(key);
        await rest(1_000);
      }),
    },
    guards: { isEnough: ({ context }) => context.charged === 2 },
    actions: { count: assign({ charged: ({ context }) => context.charged + 1 }) },
  }).createMachine({
    id: "charging",
    context: { charged: 0 },
    initial: "charging",
    states: {
      charging: {
        invoke: {
          id: "charge",
          src: "charge",
          onDone: [
            { guard: "isEnough", target: "done" },
            { target: "resting", actions: "count" },
          ],
        },
      },
      resting: { after: { 100: "charging" } },
      done: { type: "final" },
    },
  });
}

describe("the idempotency key of an invoke", () => {
  it("counts the entries of its state, and is stored with the machine before anybody has it", async () => {
    const charges: string[] = [];
    const store = world.store();
    store.faults.set("checkpoint", "hangs");
    const both = world.process({ orchestrator: charging(charges), store });
    const id = await both.start(undefined, { id: "order" });
    await world.clock.advance(1_000);
    expect(charges).toEqual([]);
    store.faults.clear();
    await world.clock.advance(15_000);
    expect(charges).toEqual(["order:charge:1", "order:charge:2", "order:charge:3"]);
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", takeovers: 0 });
  });

  it.each(["tagged", { throttleMs: 60_000 }] as const)("is stored although checkpoint is %j", async (checkpoint) => {
    const charges: string[] = [];
    const store = world.store();
    const both = world.process({ orchestrator: charging(charges), store, checkpoint });
    const id = await both.start(undefined, { id: "order" });
    await world.clock.advance(1_500);
    const [record] = await store.get("test", [id]);
    expect(JSON.parse(record?.checkpoint?.body ?? "{}").entries).toEqual({ charge: 2 });
    expect(charges).toEqual(["order:charge:1", "order:charge:2"]);
  });

  it("is the same for whoever goes on, wherever the process before ended", async () => {
    const points: CrashPoint[] = [];
    for (let afterCalls = 0; afterCalls < 24; afterCalls++) {
      points.push({ afterCalls, at: "beforeWrite" }, { afterCalls, at: "afterWrite" });
    }
    for (const point of points) {
      world = createWorld();
      const [before, after]: [string[], string[]] = [[], []];
      const store = world.store();
      const client = world.process({ orchestrator: charging([]), role: "client" });
      world.process({ orchestrator: charging(before), role: "worker", leaseMs: 3_000, store });
      const id = await client.start(undefined, { id: "order" });
      store.crash = point;
      await world.clock.advance(2_700);
      world.process({ orchestrator: charging(after), role: "worker", leaseMs: 3_000 });
      await world.clock.advance(30_000);
      expect(await client.getStatus(id), JSON.stringify(point)).toMatchObject({ status: "completed" });
      // Nothing but the one that was at work is begun again, and that under its key.
      const all = [...before, ...after];
      expect([...new Set(all)], JSON.stringify(point)).toEqual(["order:charge:1", "order:charge:2", "order:charge:3"]);
      expect(all.length - new Set(all).size, JSON.stringify(point)).toBeLessThanOrEqual(1);
      await world.closeAll();
    }
  });

  it("is given to no invoke whose execution another worker has taken over", async () => {
    const errors: unknown[] = [];
    const machine = createMachine({
      initial: "asking",
      states: { asking: { invoke: { src: fromPromise(({ self }) => idempotencyKeyOf(self).catch((error) => void errors.push(error))) } } },
    });
    const store = world.store();
    store.faults.set("checkpoint", "hangs");
    const frozen = world.process({ orchestrator: machine, leaseMs: 3_000, store });
    const id = await frozen.start(undefined as never);
    await world.clock.advance(100);
    store.faults.set("*", "hangs");
    await world.clock.advance(10_000);
    expect(errors).toEqual([expect.any(LeaseLostError)]);
    await world.process({ orchestrator: machine }).cancel(id);
    store.faults.clear();
  });

  it("of interrupted invokes comes with the error, and a repetition asked for by the machine has another one", async () => {
    const seen: unknown[] = [];
    const machine = setup({
      actors: {
        charge: fromPromise(async ({ self }) => {
          seen.push(await idempotencyKeyOf(self));
          if (seen.length === 1) await new Promise(() => {});
        }),
      },
    }).createMachine({
      id: "charging",
      initial: "charging",
      states: {
        charging: {
          invoke: {
            id: "charge",
            src: "charge",
            onDone: "done",
            onError: { target: "again", actions: ({ event }) => void seen.push(event.error) },
          },
        },
        again: { invoke: { id: "charge", src: "charge", onDone: "done" } },
        done: { type: "final" },
      },
    });
    const options = { orchestrator: machine, leaseMs: 3_000, restore: { invokes: "fail" } } as const;
    const store = world.store();
    const first = world.process({ ...options, store });
    await first.start(undefined, { id: "order" });
    await world.clock.advance(100);
    store.faults.set("*", "hangs");
    world.process(options);
    await world.clock.advance(10_000);
    expect(seen).toEqual(["order:charge:1", expect.any(InvokeInterruptedError), "order:charge:2"]);
    expect(seen[1]).toMatchObject({ code: "INVOKE_INTERRUPTED", invokeId: "charge", idempotencyKey: "order:charge:1" });
    store.faults.clear();
  });

  it("is there for callbacks, for spawned actors with an id, and for invokes of invoked machines", async () => {
    const keys: string[] = [];
    const tell = fromCallback(({ self }) => void idempotencyKeyOf(self).then((key) => keys.push(key)));
    const inner = createMachine({ initial: "a", states: { a: { invoke: { id: "mail", src: tell } } } });
    const machine = setup({ actors: { tell, inner } }).createMachine({
      id: "outer",
      initial: "a",
      states: {
        a: {
          entry: spawnChild("tell", { id: "log" }),
          invoke: [{ id: "part", src: "inner" }, { src: "tell" }],
          after: { 1000: "b" },
        },
        b: { invoke: { id: "part", src: "inner" } },
      },
    });
    const both = world.process({ orchestrator: machine });
    await both.start(undefined as never, { id: "x" });
    await world.clock.advance(1_100);
    expect(keys.toSorted()).toEqual(["x:1.outer.a:1", "x:log:1", "x:part/mail:1", "x:part/mail:2"]);
  });

  it("is there in memory, too, and the same for a repeated attempt", async () => {
    const clock = new VirtualClock();
    const keys: string[] = [];
    const machine = createMachine({
      initial: "a",
      states: {
        a: {
          invoke: {
            id: "charge",
            src: fromPromise(async ({ self }) => {
              keys.push(await idempotencyKeyOf(self));
              if (keys.length === 1) throw new Error("once");
            }),
            onDone: "b",
          },
        },
        b: { type: "final" },
      },
    });
    const coordinator = createCoordinator({ orchestrator: machine, clock, retry: { maxAttempts: 2 } });
    await coordinator.start(undefined as never, { id: "x" });
    await clock.advance(1_000);
    expect(keys).toEqual(["x:charge:1", "x:charge:1"]);
    await coordinator.close();
  });

  it("is refused to actors that no coordinator runs, and to those that nobody named", async () => {
    const loose = createActor(fromPromise(async () => {}));
    await expect(idempotencyKeyOf(loose)).rejects.toMatchObject({ code: "OPERATION_UNSUPPORTED" });
    const errors: unknown[] = [];
    const ask = fromPromise(({ self }) => idempotencyKeyOf(self).catch((error) => void errors.push(error)));
    const nameless = setup({ actors: { ask } }).createMachine({ entry: spawnChild("ask") });
    const both = world.process({ orchestrator: nameless });
    await both.start(undefined as never);
    await world.clock.advance(10);
    expect(errors).toMatchObject([{ code: "OPERATION_UNSUPPORTED" }]);
  });
});
