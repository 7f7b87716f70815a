import { describe, expect, it } from "vitest";
import { createAutonomousOrchestrator, createCoordinator, type RunRequest, verdict } from "../../../../src/index.ts";
import { sequentialIds, VirtualClock } from "../../../../src/testing/index.ts";

const task = (prompt: string): RunRequest => ({ id: prompt, prompt });
const done = { success: true, output: "done" };

describe("autonomous runs under a coordinator", () => {
  it("are made from executor and oracle alone, and their outcome is the result", async () => {
    const coordinator = createCoordinator({
      executor: async ({ prompt }: RunRequest) => ({ success: true, output: prompt.toUpperCase(), words: 1 }),
      oracle: async ({ output }) => (output === "HELLO" ? verdict.goalAchieved("as wanted") : verdict.stop("no")),
      settings: { orchestration: { completionMode: "singleGoal" } },
      clock: new VirtualClock(),
    });
    const { finalState, finalOutput, goalAchieved, lastResult } = await coordinator.waitFor(await coordinator.start(task("hello")));
    expect({ finalState, finalOutput, goalAchieved }).toEqual({
      finalState: "stoppedByGoalAchieved",
      finalOutput: "HELLO",
      goalAchieved: true,
    });
    expect(lastResult?.words).toBe(1);
    await coordinator.close();
  });

  it("R5: have a state each; factories are called once and what they made is disposed once per execution", async () => {
    const made: string[] = [];
    const disposed: string[] = [];
    const coordinator = createCoordinator({
      executor: {
        create: ({ executionId }) => {
          made.push(executionId);
          return { execute: async () => done, [Symbol.asyncDispose]: async () => void disposed.push(executionId) };
        },
      },
      generateId: sequentialIds("x-"),
      clock: new VirtualClock(),
    });
    await coordinator.startMany([{ input: task("a") }, { input: task("b") }]);
    await coordinator.drain();
    await coordinator.close();
    expect(made).toEqual(["x-1", "x-2"]);
    expect(disposed.toSorted()).toEqual(["x-1", "x-2"]);
  });

  it("R11: keep their slot after a cancel until the executor has stopped, and end as cancelled", async () => {
    const clock = new VirtualClock();
    let stop = () => {};
    const coordinator = createCoordinator({
      executor: () => new Promise<typeof done>((resolve) => (stop = () => resolve(done))),
      maxConcurrent: 1,
      clock,
      generateId: sequentialIds("x-"),
    });
    await coordinator.startMany([{ input: task("a") }, { input: task("b") }]);
    await coordinator.cancel("x-1", "enough");
    await clock.settle();
    expect(coordinator.getStatus("x-1")?.state).toBe("running.cancelling");
    expect(coordinator.getStatus("x-2")?.status).toBe("queued");
    stop();
    await clock.settle();
    expect(coordinator.getStatus("x-1")).toMatchObject({ status: "cancelled", reason: "enough" });
    expect(coordinator.getStatus("x-2")?.status).toBe("running");
    stop();
    await coordinator.close();
  });

  it("R15: fail with what the executor threw", async () => {
    const coordinator = createCoordinator({
      executor: () => Promise.reject(new RangeError("disk full")),
      clock: new VirtualClock(),
    });
    const id = await coordinator.start(task("a"));
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_FAILED", cause: expect.any(RangeError) });
    expect(coordinator.getStatus(id)?.error).toMatchObject({ name: "RangeError", message: "disk full" });
    await coordinator.close();
  });

  it("R16: show iteration, pass and state as progress, and tell their events", async () => {
    const clock = new VirtualClock();
    const told: string[] = [];
    const orchestrator = createAutonomousOrchestrator({
      executor: async () => done,
      oracle: () => new Promise(() => {}),
    });
    const coordinator = createCoordinator({ orchestrator, clock });
    coordinator.on("execution.reported", ({ event }) => told.push(event.type));
    const id = await coordinator.start(task("a"));
    await clock.settle();
    expect(coordinator.getStatus(id)?.progress).toEqual({ state: "verifying", iteration: 1, pass: 1 });
    expect(told.slice(0, 4)).toEqual(["taskEnqueued", "started", "iterationStarted", "contextUpdated"]);
    const closing = coordinator.close({ mode: "cancel", deadlineMs: 5 });
    await clock.advance(5);
    expect(await closing).toMatchObject({ abandoned: 1 });
    expect(told.filter((type) => type === "stopped")).toHaveLength(1);
  });

  it("R19: take settings per start, over those of the coordinator; different ones do not mix", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({
      executor: async () => done,
      oracle: async () => verdict.continueToNextIteration("more"),
      settings: { orchestration: { maxIterations: 3, autoContinue: { enabled: true } } },
      clock,
    });
    const ids = await coordinator.startMany([
      { input: task("a") },
      { input: task("b"), options: { settings: { orchestration: { maxIterations: 5 } } } },
    ]);
    const outcomes = await Promise.all(ids.map((id) => coordinator.waitFor(id)));
    expect(outcomes.map(({ iterations }) => iterations)).toEqual([3, 5]);
    await coordinator.close();
  });

  it("R20: bad settings refuse the start before a record exists, and name the path", async () => {
    const coordinator = createCoordinator({ executor: async () => done, clock: new VirtualClock() });
    const start = coordinator.start(task("a"), { settings: { orchestration: { maxIterations: 0 } } });
    await expect(start).rejects.toMatchObject({ code: "SETTINGS_INVALID", path: "orchestration.maxIterations" });
    expect(coordinator.counts().total).toBe(0);
    expect(() => createCoordinator({ executor: async () => done, settings: { orchestration: { oops: 1 } } as object })).toThrow(
      expect.objectContaining({ code: "SETTINGS_INVALID" }),
    );
    await coordinator.close();
  });

  it("hold no slot while a human is asked, and take the answer as a signal", async () => {
    const clock = new VirtualClock();
    const asked: string[] = [];
    const coordinator = createCoordinator({
      executor: async () => done,
      humanInTheLoop: { notify: async ({ requestId }) => void asked.push(requestId) },
      settings: { orchestration: { humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeTaskStart"] } } },
      maxConcurrent: 1,
      clock,
    });
    const id = await coordinator.start(task("a"));
    await clock.settle();
    expect(coordinator.getStatus(id)?.state).toBe("running.waiting");
    expect(coordinator.stats.get().context.slotsTaken).toBe(0);
    expect(coordinator.send(id, { type: "human.answered", requestId: "another", decision: "approved" })).toMatchObject({ accepted: false });
    expect(coordinator.send(id, { type: "proceed" })).toMatchObject({ accepted: false, reason: "notAccepted" });
    expect(coordinator.send(id, { type: "human.answered", requestId: asked[0], decision: "approved" })).toEqual({ accepted: true });
    expect(await coordinator.waitFor(id)).toMatchObject({ finalState: "completed" });
    await coordinator.close();
  });

  it("keep secrets out of records, events and snapshots", async () => {
    const told: string[] = [];
    const coordinator = createCoordinator({
      executor: async () => done,
      settings: { llm: { apiKey: "sk-very-secret" } },
      clock: new VirtualClock(),
    });
    coordinator.on("*", (event) => told.push(JSON.stringify(event)));
    coordinator.pause();
    const id = await coordinator.start(task("a"));
    const shown = [
      JSON.stringify(coordinator.supervisor.getPersistedSnapshot()),
      JSON.stringify(coordinator.getStatus(id)),
      ...told,
    ].join();
    expect(shown).not.toContain("sk-very-secret");
    await coordinator.close({ mode: "cancel" });
  });
});
