import { inspect } from "node:util";
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

describe("a hostile caller of autonomous runs", () => {
  const notified = (orchestration: object = {}) => ({
    settings: {
      orchestration: { humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeTaskStart" as const] }, ...orchestration },
    },
  });

  it.each([[null], ["x"], [{ id: "1" }], [{ id: 1, prompt: "p" }]])(
    "R20: %j is no request and is refused before a record exists",
    async (input) => {
      const coordinator = createCoordinator({ executor: async () => done, clock: new VirtualClock() });
      await expect(coordinator.start(input as never)).rejects.toMatchObject({ code: "INPUT_INVALID" });
      expect(coordinator.counts().total).toBe(0);
      await coordinator.close();
    },
  );

  it.each(["taskEnqueued", "started", "taskStarted", "oracleVerifying"])("K30: a cancel at %s lets no further call begin", async (at) => {
    const calls: string[] = [];
    const clock = new VirtualClock();
    const coordinator = createCoordinator({
      executor: async () => {
        calls.push("executor");
        return done;
      },
      oracle: async () => {
        calls.push("oracle");
        return verdict.goalAchieved("good");
      },
      clock,
    });
    let before = -1;
    coordinator.on("execution.reported", ({ event, executionId }) => {
      if (event.type !== at) return;
      before = calls.length;
      void coordinator.cancel(executionId);
    });
    const id = await coordinator.start(task("a"));
    await clock.settle();
    expect(coordinator.getStatus(id)?.status).toBe("cancelled");
    expect(calls).toHaveLength(before);
    await coordinator.close();
  });

  it("K25: an answer that was accepted counts, also when the time for it ran out before there was a slot", async () => {
    const clock = new VirtualClock();
    const asked: string[] = [];
    const coordinator = createCoordinator({
      executor: async ({ prompt }) =>
        prompt === "busy" ? new Promise<typeof done>((resolve) => clock.setTimeout(() => resolve(done), 5_000)) : done,
      humanInTheLoop: { notify: async ({ requestId }) => void asked.push(requestId), responseTimeoutMs: 1_000 },
      maxConcurrent: 1,
      clock,
    });
    const waiting = await coordinator.start(task("a"), notified());
    await clock.settle();
    await coordinator.start(task("busy"));
    await clock.advance(2_000);
    expect(coordinator.send(waiting, { type: "human.answered", requestId: asked[0], decision: "rejected" })).toEqual({ accepted: true });
    await clock.advance(3_000);
    expect(coordinator.getStatus(waiting)?.status).toBe("cancelled");
    await coordinator.close();
  });

  it("K25: a response time that is none fails the run instead of approving at once", async () => {
    const coordinator = createCoordinator({
      executor: async () => done,
      humanInTheLoop: { requestApproval: () => new Promise<never>(() => {}), responseTimeoutMs: Number.NaN },
      ...notified(),
      clock: new VirtualClock(),
    });
    const id = await coordinator.start(task("a"));
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({
      cause: { code: "OPTIONS_INVALID", field: "humanInTheLoop.responseTimeoutMs" },
    });
    await coordinator.close();
  });

  it("a budget holds whatever the parts tell of their usage", async () => {
    const coordinator = createCoordinator({
      executor: async () => ({ ...done, output: "x".repeat(400), tokenUsage: { totalTokens: Number.NaN } }),
      oracle: async () => ({ ...verdict.continueToNextIteration("more"), tokenUsage: { totalTokens: -5 } }),
      settings: { orchestration: { maxIterations: 20, autoContinue: { enabled: true } } },
      budget: { maxTokens: 10 },
      clock: new VirtualClock(),
    });
    expect(await coordinator.waitFor(await coordinator.start(task("a")))).toMatchObject({
      finalState: "stoppedByCondition",
      reason: "max-tokens",
      iterations: 1,
    });
    await coordinator.close();
  });

  it("an oracle that throws when asked whether it is configured leaves nothing undisposed, and the orchestrator usable", async () => {
    let disposed = 0;
    let isBroken = true;
    const orchestrator = createAutonomousOrchestrator({
      executor: { create: () => ({ execute: async () => done, dispose: () => (disposed += 1) }) },
      oracle: {
        isConfigured: () => {
          if (isBroken) throw new Error("no configuration");
          return false;
        },
        verify: async () => verdict.stop("never asked"),
      },
      clock: new VirtualClock(),
    });
    await expect(orchestrator.start()).rejects.toThrow("no configuration");
    expect(disposed).toBe(1);
    isBroken = false;
    orchestrator.enqueue(task("a"));
    expect(await orchestrator.start()).toMatchObject({ finalState: "completed", finalOutput: "done" });
  });

  it("K9: a verdict with a reflection that is no text is an oracle error, and the run goes on", async () => {
    const coordinator = createCoordinator({
      executor: async () => done,
      oracle: async () => ({ ...verdict.goalAchieved("good"), reflection: { lessonsLearned: ["a"] } as never }),
      clock: new VirtualClock(),
    });
    expect(await coordinator.waitFor(await coordinator.start(task("a")))).toMatchObject({ finalState: "completed", goalAchieved: false });
    await coordinator.close();
  });

  it("a secret in a misspelled option is not shown with the error", async () => {
    const coordinator = createCoordinator({ executor: async () => done, clock: new VirtualClock() });
    const refusal = await coordinator
      .start(task("a"), { setting: { llm: { apiKey: "sk-very-secret" } } } as object)
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "OPTIONS_INVALID", field: "setting" });
    expect(`${JSON.stringify(refusal)}${inspect(refusal)}`).not.toContain("sk-very-secret");
    await coordinator.close();
  });

  it("a checkpoint that was tampered with is refused before anything begins", async () => {
    const orchestrator = createAutonomousOrchestrator({ executor: async () => done, clock: new VirtualClock() });
    orchestrator.enqueue(task("a"));
    const checkpoint = orchestrator.checkpoint();
    const { progress } = checkpoint;
    const tampered = [
      { ...checkpoint, position: "zz" },
      { ...checkpoint, sequence: "1" },
      { ...checkpoint, executionId: undefined },
      { ...checkpoint, progress: { ...progress, iteration: -1 } },
      { ...checkpoint, progress: { ...progress, usage: null } },
      { ...checkpoint, progress: { ...progress, usage: { ...progress.usage, tokens: "a" } } },
      { ...checkpoint, progress: { ...progress, queue: [null] } },
      { ...checkpoint, progress: { ...progress, queue: [5] } },
    ];
    for (const bad of tampered)
      await expect(orchestrator.restore(bad as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID", field: "checkpoint" });
    expect(await orchestrator.restore(JSON.parse(JSON.stringify(checkpoint)))).toMatchObject({ finalState: "completed" });
  });

  it("a task that is none is not accepted as a signal", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ executor: () => new Promise<typeof done>(() => {}), clock });
    const id = await coordinator.start(task("a"));
    await clock.settle();
    expect(coordinator.send(id, { type: "task.enqueue", request: 5 })).toMatchObject({ accepted: false });
    expect(coordinator.send(id, { type: "task.enqueue", request: task("b") })).toEqual({ accepted: true });
    const closing = coordinator.close({ mode: "cancel", deadlineMs: 1 });
    await clock.advance(1);
    await closing;
  });
});
