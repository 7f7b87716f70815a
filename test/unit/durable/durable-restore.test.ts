import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, createMachine, fromPromise, sendTo, setup, spawnChild } from "xstate";
import type { RestorePolicy } from "../../../src/core/durable-options.ts";
import { createAutonomousOrchestrator } from "../../../src/index.ts";
import { newExecution } from "../../../src/testing/contract/store-world.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const hour = 3_600_000;
const unhurried = { pollMs: 600_000, leaseMs: 1_800_000 };

/** Runs a machine in one process, closes that, and goes on in another one later. */
async function interrupted(orchestrator: AnyStateMachine, restore: RestorePolicy, { afterMs, forMs }: { afterMs: number; forMs: number }) {
  const first = world.process({ ...unhurried, orchestrator });
  const id = await first.start(undefined as never);
  await world.clock.advance(afterMs);
  const closed = first.close({ deadlineMs: 1_000 });
  await world.clock.advance(1_000);
  await closed;
  await world.clock.advance(forMs);
  return { id, second: world.process({ ...unhurried, orchestrator, restore }) };
}

describe("timers of a machine that goes on", () => {
  // Ten hours long, interrupted after two for three.
  it.each([
    ["absolute", 5],
    ["remaining", 8],
    ["restart", 10],
  ] as const)("are due as the policy %s says", async (timers, hours) => {
    const machine = createMachine({
      id: "sleeping",
      initial: "sleeping",
      states: { sleeping: { after: { [10 * hour]: "awake" } }, awake: { type: "final" } },
    });
    const { id, second } = await interrupted(machine, { timers }, { afterMs: 2 * hour, forMs: 3 * hour - 1_000 });
    await world.clock.advance(hours * hour - 60_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "running" });
    await world.clock.advance(120_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed" });
  });

  it("go on in machines that it invoked, too, and delayed events arrive", async () => {
    const inner = setup({ types: { output: {} as string } }).createMachine({
      id: "inner",
      initial: "a",
      states: { a: { after: { [4 * hour]: "b" } }, b: { type: "final" } },
      output: "inner",
    });
    const machine = setup({
      types: { context: {} as { got: string[] }, events: {} as { type: "later" } },
      actors: { inner },
    }).createMachine({
      id: "outer",
      context: { got: [] },
      entry: sendTo(({ self }) => self, { type: "later" }, { delay: 3 * hour }),
      on: { later: { actions: assign({ got: ({ context }) => [...context.got, "later"] }) } },
      initial: "a",
      states: {
        a: {
          invoke: {
            src: "inner",
            onDone: { target: "b", actions: assign({ got: ({ context, event }) => [...context.got, event.output] }) },
          },
        },
        b: { type: "final" },
      },
      output: ({ context }) => context.got,
    });
    const { id, second } = await interrupted(machine, {}, { afterMs: hour, forMs: hour });
    await world.clock.advance(2 * hour + 60_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", result: ["later", "inner"] });
  });
});

describe("a checkpoint that cannot be", () => {
  const failure = async (orchestrator: AnyStateMachine, options: object = {}) => {
    const both = world.process({ orchestrator, ...options });
    const id = await both.start(undefined as never);
    await world.clock.advance(100);
    await both.close();
    return (await both.getStatus(id))?.error;
  };

  it("fails its execution by name when it is too large", async () => {
    const machine = createMachine({ context: { text: "x".repeat(2_000) }, initial: "a", states: { a: {} } });
    expect(await failure(machine, { maxCheckpointBytes: 1_000 })).toMatchObject({
      name: "CheckpointTooLargeError",
      code: "CHECKPOINT_TOO_LARGE",
    });
  });

  it("fails its execution by name when the context contains itself, or a child has no name of its own", async () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    const around = createMachine({ context: { loop }, initial: "a", states: { a: {} } });
    expect(await failure(around)).toMatchObject({ name: "SerializationError", code: "SERIALIZATION_FAILED" });
    const inline = createMachine({
      entry: spawnChild(
        fromPromise(() => new Promise(() => {})),
        { id: "work" },
      ),
      initial: "a",
      states: { a: {} },
    });
    expect(await failure(inline)).toMatchObject({ name: "SerializationError", message: expect.stringContaining("inline") });
  });

  it("is refused by name when migrate throws, or makes it of another machine", async () => {
    const machine = createMachine({ id: "m", initial: "a", states: { a: { tags: "waiting", on: { go: "b" } }, b: { type: "final" } } });
    for (const migrate of [
      () => {
        throw new Error("no way");
      },
      (checkpoint: object) => ({ ...checkpoint, machineId: "other" }) as never,
    ]) {
      const first = world.process({ orchestrator: machine, machineVersion: "1" });
      const id = await first.start(undefined as never);
      await world.clock.advance(10);
      await first.close();
      const second = world.process({ orchestrator: machine, machineVersion: "2", restore: { migrate } });
      await second.send(id, { type: "go" });
      await world.clock.advance(1_000);
      expect(await second.getStatus(id)).toMatchObject({ status: "failed", error: { name: "CheckpointRefusedError" } });
      await second.close();
    }
  });

  it("of an autonomous run is refused when it is none, rather than begun anew", async () => {
    const store = world.store();
    await store.insert({
      name: "test",
      executions: [newExecution("run", { input: '{"id":"1","prompt":"p"}', machineId: "autonomous" })],
    });
    const { executions } = await store.claim({
      name: "test",
      owner: "old",
      claimId: "c",
      limit: 1,
      leaseMs: 1_000,
      machineId: "autonomous",
      versions: [],
    });
    const body = JSON.stringify({ machineId: "autonomous", snapshot: { format: "another" }, timers: [], consumedSignal: 0, entries: {} });
    const entries = executions.map(({ id, fence }) => ({ id, fence, checkpoint: { revision: 1, body, consumedSignal: 0 } }));
    await store.checkpoint({ name: "test", owner: "old", entries });
    const orchestrator = createAutonomousOrchestrator({ executor: async () => ({ success: true, output: "done" }) });
    const both = world.process({ orchestrator });
    await world.clock.advance(5_000);
    expect(await both.getStatus("run")).toMatchObject({ status: "failed", error: { code: "CHECKPOINT_REFUSED" } });
  });
});

describe("how often a machine is saved", () => {
  /** A step every 100 ms, 20 of them; each fifth is tagged. */
  const stepping = setup({
    types: { context: {} as { steps: number } },
    guards: { isFifth: ({ context }) => context.steps % 5 === 4, isLast: ({ context }) => context.steps === 19 },
    actions: { count: assign({ steps: ({ context }) => context.steps + 1 }) },
  }).createMachine({
    id: "stepping",
    context: { steps: 0 },
    initial: "plain",
    states: {
      plain: {
        after: {
          100: [
            { guard: "isFifth", target: "fifth", actions: "count" },
            { target: "plain", reenter: true, actions: "count" },
          ],
        },
      },
      fifth: {
        tags: "checkpoint",
        after: {
          100: [
            { guard: "isLast", target: "end" },
            { target: "plain", actions: "count" },
          ],
        },
      },
      end: { type: "final" },
    },
  });

  const saves = async (checkpoint: "every" | "tagged" | { throttleMs: number }) => {
    const store = world.store();
    const both = world.process({ orchestrator: stepping, store, checkpoint });
    const id = await both.start(undefined);
    await world.clock.advance(1_650);
    const [record] = await store.get("test", [id]);
    await both.cancel(id);
    await world.clock.advance(100);
    await both.close();
    return record?.checkpoint?.revision;
  };

  it("is what its policy says", async () => {
    expect(await saves("every")).toBe(17);
    expect(await saves("tagged")).toBe(3);
    expect(await saves({ throttleMs: 500 })).toBe(4);
  });
});
