import { describe, expect, it } from "vitest";
import { type ActorRefFrom, assign, fromPromise, setup } from "xstate";
import type { ApprovalRequest, CoordinatorSnapshot, RunRequest } from "../../../src/index.ts";
import { createAutonomousOrchestrator, createCoordinator, verdict } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/index.ts";

const atOnce = { type: "exponential", delayMs: 0 } as const;
const never = () => new Promise<never>(() => {});

/** As JSON, the way it goes to another process. */
async function released(coordinator: ReturnType<typeof createCoordinator>, clock: VirtualClock): Promise<CoordinatorSnapshot> {
  const closed = coordinator.close({ mode: "release", deadlineMs: 10 });
  await clock.advance(10);
  await closed;
  return JSON.parse(JSON.stringify(coordinator.supervisor.getPersistedSnapshot()));
}

/** Keeps a child at work beside its steps; the second step fails so many times. */
function stumbling(log: string[], failures: number, clock: VirtualClock) {
  let left = failures;
  const beside = fromPromise(never);
  return setup({
    types: { context: {} as { beside: ActorRefFrom<typeof beside>; since: Date; visit: (place: string) => void }, output: {} as string },
    actors: {
      beside,
      fail: fromPromise(async () => {
        // The second time it fails before anything can be kept.
        if (left !== 1) await new Promise((resolve) => clock.setTimeout(() => resolve(undefined), 10));
        if (left-- > 0) throw new Error("stumbled");
      }),
    },
  }).createMachine({
    id: "stumbling",
    context: ({ spawn }) => ({ beside: spawn("beside", { id: "beside" }), since: new Date(7), visit: (place) => void log.push(place) }),
    initial: "one",
    states: {
      one: { entry: ({ context }) => context.visit("one"), after: { 10: "two" } },
      two: { entry: ({ context }) => context.visit("two"), invoke: { src: "fail", onDone: "end" } },
      end: { type: "final" },
    },
    output: ({ context }) => `${context.since.getTime()} ${context.beside.getSnapshot().status}`,
  });
}

describe("onRetry in memory", () => {
  it.each(["restart", "resume"] as const)("%s", async (onRetry) => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const coordinator = createCoordinator({
      orchestrator: stumbling(log, 2, clock),
      clock,
      retry: { maxAttempts: 3, backoff: atOnce, onRetry },
    });
    const id = await coordinator.start(undefined);
    await clock.advance(1_000);
    // Restored with what no JSON has: a date, a function and a reference to an actor that is alive.
    expect(coordinator.getStatus(id)).toMatchObject({ status: "completed", attempt: 3, result: "7 active" });
    expect(log).toEqual(onRetry === "restart" ? ["one", "two", "one", "two", "one", "two"] : ["one", "two"]);
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it.each(["restart", "resume"] as const)("%s, with an autonomous run", async (onRetry) => {
    const clock = new VirtualClock();
    const began: number[] = [];
    const coordinator = createCoordinator({
      executor: async (_: RunRequest, { iteration }) => {
        began.push(iteration);
        if (began.length === 3) throw new Error("once");
        return { success: true, output: "done" };
      },
      oracle: async () => verdict.continueToNextIteration("more"),
      settings: { orchestration: { maxIterations: 4, autoContinue: { enabled: true } } },
      retry: { maxAttempts: 2, backoff: atOnce, onRetry },
      clock,
    });
    const id = await coordinator.start({ id: "task", prompt: "improve" });
    await clock.advance(1_000);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "completed", attempt: 2, result: { iterations: 4 } });
    expect(began).toEqual(onRetry === "restart" ? [1, 2, 3, 1, 2, 3, 4] : [1, 2, 3, 3, 4]);
    await coordinator.close();
  });
});

describe("a coordinator made from the snapshot of an earlier one", () => {
  /** Finishes two iterations, and gets stuck in the third until it is let go on. */
  const fourIterations = (began: number[], isStuck: boolean) =>
    createAutonomousOrchestrator({
      executor: async (_: RunRequest, { iteration, signal }) => {
        began.push(iteration);
        if (isStuck && iteration === 3) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return { success: true, output: "done" };
      },
      oracle: async () => verdict.continueToNextIteration("more"),
      settings: { orchestration: { maxIterations: 4, autoContinue: { enabled: true } } },
    });

  it.each(["while it runs", "after its release"])("goes on with an autonomous run after its last finished pass, taken %s", async (when) => {
    const clock = new VirtualClock();
    const [before, after]: [number[], number[]] = [[], []];
    const first = createCoordinator({ orchestrator: fourIterations(before, true), clock });
    const id = await first.start({ id: "task", prompt: "improve" });
    await clock.settle();
    const live = JSON.parse(JSON.stringify(first.supervisor.getPersistedSnapshot()));
    const last = await released(first, clock);
    const second = createCoordinator({
      orchestrator: fourIterations(after, false),
      clock,
      snapshot: when === "while it runs" ? live : last,
    });
    expect(await second.waitFor(id)).toMatchObject({ iterations: 4 });
    expect({ before, after }).toEqual({ before: [1, 2, 3], after: [3, 4] });
    expect(second.getStatus(id)).toMatchObject({ attempt: 2, takeovers: 1 });
    // What it went on from is of no use any more.
    expect(second.supervisor.getSnapshot().context.fleet.record(id)?.saved).toBeUndefined();
    await second.close();
  });

  it("waits on for the answer to a question that was put", async () => {
    const clock = new VirtualClock();
    const asked: ApprovalRequest[] = [];
    const parts = {
      executor: async () => ({ success: true, output: "done" }),
      humanInTheLoop: { notify: (request: ApprovalRequest) => void asked.push(request) },
      settings: { orchestration: { humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeTaskStart" as const] } } },
      clock,
    };
    const first = createCoordinator(parts);
    const id = await first.start({ id: "task", prompt: "ship" });
    await clock.settle();
    const second = createCoordinator({ ...parts, snapshot: await released(first as never, clock) });
    await clock.settle();
    expect(second.getStatus(id)).toMatchObject({ state: "running.waiting" });
    second.send(id, { type: "human.answered", requestId: asked[0]?.requestId, decision: "approved" });
    expect(await second.waitFor(id)).toMatchObject({ finalState: "completed" });
    expect(asked).toHaveLength(1);
    await second.close();
  });

  it("gives a function what it saved, and a machine that resumes its state; what failed and restarts begins anew", async () => {
    const clock = new VirtualClock();
    const restored: unknown[] = [];
    const saving = createCoordinator({
      orchestrator: async (_: string, { checkpoint, signal }) => {
        await checkpoint({ since: new Date(5) });
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
      clock,
    });
    const id = await saving.start("a");
    await clock.settle();
    const reading = createCoordinator({
      orchestrator: async (_: string, scope) => void restored.push(scope.restored),
      clock,
      snapshot: await released(saving as never, clock),
    });
    await reading.waitFor(id);
    expect(restored).toEqual([{ since: new Date(5) }]);
    await reading.close();

    const log: string[] = [];
    const options = { clock, retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 5_000 } } } as const;
    for (const onRetry of ["resume", "restart"] as const) {
      const plain = (seen: string[], failures: number) =>
        setup({
          actors: {
            fail: fromPromise(async () => {
              if (failures-- > 0) throw new Error("stumbled");
            }),
            log: fromPromise<void, string>(async ({ input }) => void seen.push(input)),
          },
          types: { context: {} as { at?: Date } },
        }).createMachine({
          context: {},
          initial: "one",
          states: {
            one: { invoke: { src: "log", input: "one", onDone: { target: "two", actions: assign({ at: new Date(3) }) } } },
            two: {
              invoke: [
                { src: "log", input: ({ context }) => `two ${context.at?.getTime()}` },
                { src: "fail", onDone: "end" },
              ],
            },
            end: { type: "final" },
          },
        });
      const first = createCoordinator({ ...options, retry: { ...options.retry, onRetry }, orchestrator: plain(log, 1) });
      const machineId = await first.start(undefined);
      await clock.settle();
      expect(first.getStatus(machineId)).toMatchObject({ state: "queued.delayed" });
      const second = createCoordinator({
        ...options,
        retry: { ...options.retry, onRetry },
        orchestrator: plain(log, 0),
        snapshot: await released(first as never, clock),
      });
      await clock.advance(5_000);
      expect(second.getStatus(machineId)).toMatchObject({ status: "completed", attempt: 2, takeovers: 0 });
      await second.close();
    }
    expect(log).toEqual(["one", "two 3", "two 3", "one", "two 3", "one", "two 3"]);
  });
});
