import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { createAutonomousOrchestrator, idempotencyKeyOf, type RunRequest, verdict } from "../../../src/index.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const atOnce = { type: "exponential", delayMs: 0 } as const;

const step = (name: string, target: string) => ({
  invoke: { id: name, src: "step" as const, input: name, onDone: { target, actions: { type: "keep" as const, params: name } } },
});

/** Three steps, the second of which fails so many times; says what it begins, and under which key. */
function stumbling(log: string[], failures: number) {
  let left = failures;
  return setup({
    types: { context: {} as { done: string[] }, output: {} as string[] },
    actors: {
      step: fromPromise<string, string>(async ({ input, self }) => {
        log.push(await idempotencyKeyOf(self));
        if (input === "two" && left-- > 0) throw new Error("stumbled");
        return input;
      }),
    },
    actions: { keep: assign({ done: ({ context }, name: string) => [...context.done, name] }) },
  }).createMachine({
    id: "stumbling",
    context: { done: [] },
    initial: "one",
    states: { one: step("one", "two"), two: step("two", "three"), three: step("three", "end"), end: { type: "final" } },
    output: ({ context }) => context.done,
  });
}

describe("another attempt of a machine", () => {
  it("begins anew, unless it is told to resume: then it goes on where it was saved last, under the same keys", async () => {
    for (const onRetry of ["restart", "resume"] as const) {
      const log: string[] = [];
      const both = world.process({ orchestrator: stumbling(log, 2) });
      const id = await both.start(undefined, { id: onRetry, retry: { maxAttempts: 3, backoff: atOnce, onRetry } });
      await world.clock.advance(1_000);
      expect(await both.getStatus(id)).toMatchObject({ status: "completed", attempt: 3, takeovers: 0, result: ["one", "two", "three"] });
      expect(log.map((key) => key.split(":")[1])).toEqual(
        onRetry === "restart" ? ["one", "two", "one", "two", "one", "two", "three"] : ["one", "two", "two", "two", "three"],
      );
      expect(new Set(log)).toEqual(new Set(["one:1", "two:1", "three:1"].map((entry) => `${onRetry}:${entry}`)));
      await both.close();
    }
  });

  it("resumes also in another process, where the coordinator says so", async () => {
    const log: string[] = [];
    const options = {
      leaseMs: 3_000,
      retry: { maxAttempts: 2, backoff: { ...atOnce, delayMs: 60_000, jitter: 0 }, onRetry: "resume" },
    } as const;
    const first = world.process({ ...options, orchestrator: stumbling(log, 1) });
    const id = await first.start(undefined);
    await world.clock.advance(1_000);
    expect(await first.getStatus(id)).toMatchObject({ state: "queued.delayed", error: { message: "stumbled" } });
    await first.close();
    const second = world.process({ ...options, orchestrator: stumbling(log, 0) });
    await world.clock.advance(61_000);
    expect(await second.getStatus(id)).toMatchObject({ status: "completed", attempt: 2 });
    expect(log.map((key) => key.split(":")[1])).toEqual(["one", "two", "two", "three"]);
  });

  it("that timed out resumes with its whole time", async () => {
    let slow = true;
    const machine = setup({
      actors: { work: fromPromise(() => new Promise<void>((resolve) => world.clock.setTimeout(resolve, slow ? 60_000 : 4_000))) },
    }).createMachine({
      id: "slow",
      initial: "preparing",
      states: {
        preparing: { after: { 4000: "working" } },
        working: { invoke: { src: "work", onDone: "end" } },
        end: { type: "final" },
      },
    });
    const both = world.process({ orchestrator: machine, timeoutMs: 5_000, retry: { maxAttempts: 2, backoff: atOnce, onRetry: "resume" } });
    const id = await both.start(undefined);
    await world.clock.advance(4_500);
    slow = false;
    await world.clock.advance(5_000);
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", attempt: 2 });
  });
});

describe("another attempt of an autonomous run", () => {
  it.each(["restart", "resume"] as const)("with onRetry %s", async (onRetry) => {
    const began: number[] = [];
    const orchestrator = createAutonomousOrchestrator({
      executor: async (_: RunRequest, { iteration }) => {
        began.push(iteration);
        await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 10));
        if (began.length === 3) throw new Error("once");
        return { success: true, output: `iteration ${iteration}` };
      },
      oracle: async () => verdict.continueToNextIteration("more"),
      settings: { orchestration: { maxIterations: 4, autoContinue: { enabled: true } } },
    });
    const both = world.process({ orchestrator, retry: { maxAttempts: 2, backoff: atOnce, onRetry } });
    const id = await both.start({ id: "task", prompt: "improve" });
    await world.clock.advance(1_000);
    expect(await both.getStatus(id)).toMatchObject({ status: "completed", attempt: 2, result: { iterations: 4 } });
    expect(began).toEqual(onRetry === "restart" ? [1, 2, 3, 1, 2, 3, 4] : [1, 2, 3, 3, 4]);
  });
});
