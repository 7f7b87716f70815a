import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { createAutonomousOrchestrator, type RunRequest, verdict } from "../../../src/index.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const rest = (ms: number) => new Promise<void>((resolve) => world.clock.setTimeout(resolve, ms));

/** Works a second at a time, and waits for `go` after each third. */
const working = setup({
  types: { context: {} as { worked: number }, input: {} as { seconds: number }, events: {} as { type: "go" } },
  actors: { work: fromPromise(() => rest(1_000)) },
  actions: { count: assign({ worked: ({ context }) => context.worked + 1 }) },
  guards: { isThird: ({ context }) => context.worked % 3 === 2 },
}).createMachine({
  id: "working",
  context: { worked: 0 },
  initial: "working",
  states: {
    working: {
      invoke: {
        src: "work",
        onDone: [
          { guard: "isThird", target: "waiting", actions: "count" },
          { target: "working", reenter: true, actions: "count" },
        ],
      },
    },
    waiting: { tags: "waiting", on: { go: "working" } },
  },
});

describe("the time of an attempt", () => {
  it("goes on with whoever takes a machine over, it does not begin again", async () => {
    const store = world.store();
    const client = world.process({ orchestrator: working, role: "client", timeoutMs: 2_500 });
    world.process({ orchestrator: working, role: "worker", leaseMs: 3_000, store });
    const id = await client.start({ seconds: 9 });
    await world.clock.advance(1_900);
    store.faults.set("*", "hangs");
    await world.clock.advance(5_000);
    world.process({ orchestrator: working, role: "worker", leaseMs: 3_000 });
    await world.clock.advance(1_400);
    // One second was used up when it was saved last.
    expect(await client.getStatus(id)).toMatchObject({ status: "running", takeovers: 1 });
    await world.clock.advance(1_000);
    expect(await client.getStatus(id)).toMatchObject({ status: "failed", error: { name: "ExecutionTimeoutError" } });
    store.faults.clear();
  });

  it("stands still while a machine is parked", async () => {
    const options = { orchestrator: working, timeoutMs: 4_500, pollMs: 60_000, leaseMs: 600_000 };
    const first = world.process(options);
    const id = await first.start({ seconds: 9 });
    await world.clock.advance(3_500);
    expect(await world.store().counts({ name: "test" })).toMatchObject({ parked: 1 });
    await first.close();
    await world.clock.advance(86_400_000);
    const second = world.process(options);
    await second.send(id, { type: "go" });
    await world.clock.advance(1_400);
    expect(await second.getStatus(id)).toMatchObject({ status: "running" });
    await world.clock.advance(200);
    expect(await second.getStatus(id)).toMatchObject({ status: "failed", error: { name: "ExecutionTimeoutError" } });
  });

  it("goes on for a function that was given back at a checkpoint, and is whole again after a failure", async () => {
    const left: number[] = [];
    const orchestrator = async (_: null, { checkpoint, remainingMs, attempt, restored }: ExecutionScope) => {
      left.push(remainingMs());
      if (attempt === 2) return;
      await rest(1_000);
      await checkpoint(1);
      if (restored !== undefined) throw new Error("once");
      await rest(1_000);
      await checkpoint(2);
    };
    const options = { orchestrator, timeoutMs: 10_000, retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 0 } } } as const;
    const first = world.process(options);
    const id = await first.start(null);
    await world.clock.advance(500);
    const closed = first.close();
    await world.clock.advance(2_000);
    await closed;
    const second = world.process(options);
    await world.clock.advance(5_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 2 });
    expect(left).toEqual([10_000, 9_000, 10_000]);
  });
});

describe("budgets of an autonomous run", () => {
  /** Says `words` a pass, which takes a second, and always wants another. */
  const talking = (began: number[], budget: { maxTokens?: number; maxWallMs?: number }, maxIterations = 100) =>
    createAutonomousOrchestrator({
      executor: async (_: RunRequest, { iteration }) => {
        began.push(iteration);
        await rest(1_000);
        return { success: true, output: "said", tokenUsage: { totalTokens: 10 } };
      },
      oracle: async () => ({ ...verdict.continueToNextIteration("more"), tokenUsage: { totalTokens: 0 } }),
      budget,
      settings: { orchestration: { maxIterations, autoContinue: { enabled: true } } },
    });

  it.each([
    ["iterations", {}, 8, { finalState: "stoppedByMaxIterations" }],
    ["tokens", { maxTokens: 80 }, 100, { finalState: "stoppedByCondition", reason: "max-tokens" }],
    ["time", { maxWallMs: 7_500 }, 100, { finalState: "stoppedByCondition", reason: "max-wall" }],
  ] as const)("%s hold over the crashes of its processes", async (_, budget, maxIterations, end) => {
    const began: number[] = [];
    const options = { leaseMs: 1_500, maxTakeovers: 10 };
    const client = world.process({ ...options, orchestrator: talking(began, budget, maxIterations), role: "client" });
    const id = await client.start({ id: "task", prompt: "talk" });
    const firsts: (number | undefined)[] = [];
    for (let crash = 0; crash < 3; crash++) {
      const store = world.store();
      const ofProcess: number[] = [];
      world.process({ ...options, orchestrator: talking(ofProcess, budget, maxIterations), role: "worker", store });
      await world.clock.advance(2_500);
      store.faults.set("*", "hangs");
      await world.clock.advance(3_000);
      firsts.push(ofProcess[0]);
    }
    world.process({ ...options, orchestrator: talking(began, budget, maxIterations), role: "worker" });
    await world.clock.advance(20_000);
    expect(await client.getStatus(id)).toMatchObject({ status: "completed", takeovers: 3, result: { ...end, iterations: 8 } });
    // Each crash cost the pass that was in hand, and none that was finished.
    expect([...firsts, ...began]).toEqual([1, 3, 5, 7, 8]);
  });
});

describe("a worker that closes", () => {
  it("gives an autonomous run back where a pass begins, so that no pass is cut off", async () => {
    const seen: string[] = [];
    const orchestrator = (who: string) =>
      createAutonomousOrchestrator({
        executor: async (_: RunRequest, { iteration, signal }) => {
          seen.push(`${who} ${iteration}`);
          await rest(1_000);
          if (signal.aborted) seen.push("aborted");
          return { success: true, output: "done" };
        },
        oracle: async () => verdict.continueToNextIteration("more"),
        settings: { orchestration: { maxIterations: 3, autoContinue: { enabled: true } } },
      });
    const first = world.process({ orchestrator: orchestrator("a") });
    const id = await first.start({ id: "task", prompt: "improve" });
    await world.clock.advance(1_500);
    const closed = first.close();
    await world.clock.advance(1_000);
    expect(await closed).toMatchObject({ released: 1 });
    const second = world.process({ orchestrator: orchestrator("b") });
    await world.clock.advance(5_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0, result: { iterations: 3 } });
    expect(seen).toEqual(["a 1", "a 2", "b 3"]);
  });
});
