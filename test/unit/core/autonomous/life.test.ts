import { describe, expect, it } from "vitest";
import { createAutonomousOrchestrator } from "../../../../src/core/autonomous-orchestrator.ts";
import type { RunCheckpoint } from "../../../../src/model/run-checkpoint.ts";
import type { RunEventType } from "../../../../src/model/run-event.ts";
import { verdict } from "../../../../src/model/verdict.ts";
import { done, goOn, refine, scriptedRun, untilAborted } from "./scripted-run.ts";

const quiet = { enableCheckpointing: false, context: { enableTracking: false } } as const;

describe("cancel", () => {
  it("K30: ends an executor call by its signal, and no other call begins", async () => {
    for (const continueOnFailure of [true, false]) {
      const run = scriptedRun({
        prompts: ["A", "B"],
        oracle: [done],
        settings: { ...quiet, continueOnFailure, retry: { count: 2 } },
        executor: (_, { signal }) => {
          queueMicrotask(() => run.orchestrator.cancel());
          return untilAborted(signal);
        },
      });
      expect(await run.run()).toMatchObject({ finalState: "stoppedByUser", reason: "cancelled" });
      expect(run.prompts).toEqual(["A"]);
      expect(run.types().slice(-2)).toEqual(["taskStarted", "stopped"]);
    }
  });

  it("K30: in the oracle's call, no oracle error and no end of the task is told", async () => {
    const run = scriptedRun({ oracle: ["hang"], settings: quiet });
    run.orchestrator.on("oracleVerifying", () => queueMicrotask(() => run.orchestrator.cancel()));
    expect(await run.run()).toMatchObject({ finalState: "stoppedByUser" });
    expect(run.types().slice(-2)).toEqual(["oracleVerifying", "stopped"]);
  });

  it("K30: from a listener of any event, nothing is told after it but the one stopped", async () => {
    const script = {
      prompts: ["A", "B"],
      executor: ["one", new Error("e"), "two"],
      oracle: [{ ...refine("A2"), reflection: { lessonsLearned: "x" } }, goOn, verdict.stop("no")],
      approvals: ["approved" as const],
      feedback: [{ comment: "x" }],
      settings: {
        maxIterations: 3,
        completionMode: "untilGoalAchieved",
        autoContinue: { enabled: true },
        retry: { count: 1, delayMs: 5 },
        finalIteration: { enabled: true },
        humanInTheLoop: { enabled: true, requestFeedbackOnComplete: true, requiredApprovalPoints: ["beforeTaskStart"] },
      },
    } as const;
    const plain = scriptedRun(script);
    await plain.run();
    const ends = ["completed", "stopped", "error", "maxIterationsReached"];
    for (const [index, event] of plain.events.entries()) {
      if (index < 2 || ends.includes(event.type)) continue;
      const run = scriptedRun(script);
      run.orchestrator.on("*", ({ sequence }) => {
        if (sequence === event.sequence) run.orchestrator.cancel();
      });
      expect(await run.run(), event.type).toMatchObject({ finalState: "stoppedByUser", reason: "cancelled" });
      expect(run.types().slice(index), event.type).toEqual([event.type, "stopped"]);
      expect(run.clock.pending).toBe(0);
    }
  });

  it("cancel says whether there was a run to cancel, and a second one changes nothing", async () => {
    const run = scriptedRun({ executor: ["hang"] });
    expect(run.orchestrator.cancel()).toBe(false);
    run.orchestrator.enqueue({ id: "1", prompt: "A" });
    const outcome = run.orchestrator.start();
    await run.clock.settle();
    expect([run.orchestrator.cancel(), run.orchestrator.cancel()]).toEqual([true, false]);
    expect(await outcome).toMatchObject({ finalState: "stoppedByUser" });
    expect(run.count("stopped")).toBe(1);
  });

  it("a chunk that comes after the call is over is not told", async () => {
    const run = scriptedRun({});
    await run.run();
    run.calls.scopes[0]?.onOutput("late");
    expect(run.count("taskOutput")).toBe(0);
  });
});

describe("pause", () => {
  it("K32: takes hold after the iteration in hand; resume goes on", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], settings: quiet });
    run.orchestrator.on("taskStarted", ({ iteration }) => void (iteration === 1 && run.orchestrator.pause()));
    run.orchestrator.on("paused", () => void run.orchestrator.resume());
    expect(await run.run()).toMatchObject({ finalState: "completed", iterations: 2 });
    const types = run.types("historyEntryAdded");
    const at = types.indexOf("paused");
    expect(types.slice(at - 1, at + 3)).toEqual(["iterationCompleted", "paused", "resumed", "iterationStarted"]);
  });

  it("K32: cancel works while paused, and a resume before the pause takes it back", async () => {
    const cancelled = scriptedRun({ prompts: ["A", "B"], settings: quiet });
    cancelled.orchestrator.on("taskStarted", () => void cancelled.orchestrator.pause());
    cancelled.orchestrator.on("paused", () => void cancelled.orchestrator.cancel());
    expect(await cancelled.run()).toMatchObject({ finalState: "stoppedByUser", iterations: 1 });
    const taken = scriptedRun({ prompts: ["A"], settings: quiet });
    taken.orchestrator.on("taskStarted", () => void taken.orchestrator.pause());
    taken.orchestrator.on("taskCompleted", () => void taken.orchestrator.resume());
    expect(await taken.run()).toMatchObject({ finalState: "completed" });
    expect(taken.count("paused") + taken.count("resumed")).toBe(0);
  });
});

it("K33: a listener that throws changes nothing and is reported", async () => {
  const run = scriptedRun({ oracle: [done] });
  run.orchestrator.on("*", () => {
    throw new Error("listener");
  });
  expect(await run.run()).toMatchObject({ finalState: "completed", goalAchieved: true });
  expect(run.errors).toHaveLength(run.events.length);
});

describe("checkpoints", () => {
  const settings = { autoContinue: { enabled: true }, maxIterations: 3 };

  it("K34: after every iterationCompleted, the last included, unless switched off", async () => {
    const run = scriptedRun({ prompts: ["A", "B", "C"] });
    await run.run();
    expect(run.count("checkpointCreated")).toBe(3);
    const off = scriptedRun({ settings: quiet });
    await off.run();
    expect(off.count("checkpointCreated")).toBe(0);
  });

  it("K35: restore goes on with what was left: session, iterations, queue, history, outputs, context, numbers", async () => {
    const whole = scriptedRun({ executor: ["1", "2", "3"], oracle: [goOn], settings });
    await whole.run();
    const checkpoint = whole.all("checkpointCreated")[1]?.checkpoint as RunCheckpoint;
    const restored = scriptedRun({ executor: ["3"], oracle: [goOn], settings });
    const outcome = await restored.restore(checkpoint);
    expect(outcome).toMatchObject({ finalState: "stoppedByMaxIterations", iterations: 3, finalOutput: "3" });
    const { history, context, usage } = whole.orchestrator.status;
    expect(restored.orchestrator.status).toMatchObject({ history, context, usage });
    expect(restored.types().slice(0, 3)).toEqual(["checkpointRestored", "started", "iterationStarted"]);
    expect(restored.events[0]).toMatchObject({
      sessionId: whole.events[0]?.sessionId,
      executionId: "id-1",
      sequence: checkpoint.sequence + 1,
    });
    expect(restored.prompts).toEqual(["Continue with iteration 3"]);
  });

  it("K35: beforeCheckpointRestore is asked with the configuration in force; rejected stops", async () => {
    const whole = scriptedRun({ prompts: ["A", "B"] });
    await whole.run();
    const checkpoint = whole.all("checkpointCreated")[0]?.checkpoint as RunCheckpoint;
    const asking = { humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeCheckpointRestore"] } } as const;
    const approved = scriptedRun({ approvals: ["approved"], settings: asking });
    expect(await approved.restore(checkpoint)).toMatchObject({ finalState: "completed", iterations: 2 });
    expect(approved.types().slice(0, 4)).toEqual(["humanApprovalRequested", "humanApprovalReceived", "checkpointRestored", "started"]);
    const refused = scriptedRun({ approvals: [{ decision: "rejected" }], settings: asking });
    expect(await refused.restore(checkpoint)).toMatchObject({ finalState: "stoppedByUser", reason: "rejected" });
    expect(refused.count("started")).toBe(0);
  });

  it("a checkpoint is plain JSON, taken at any time, and what is enqueued meanwhile is in it", async () => {
    const run = scriptedRun({ executor: ["hang"] });
    run.orchestrator.enqueue({ id: "1", prompt: "A" });
    void run.orchestrator.start();
    await run.clock.settle();
    run.orchestrator.enqueue({ id: "2", prompt: "B" });
    const checkpoint = run.orchestrator.checkpoint();
    run.orchestrator.cancel();
    const restored = scriptedRun({});
    expect(await restored.restore(checkpoint)).toMatchObject({ finalState: "completed", iterations: 2 });
    expect(restored.prompts).toEqual(["A", "B"]);
  });

  it("what is no checkpoint is refused, and so is a restore during a run", async () => {
    const run = scriptedRun({ executor: ["hang"] });
    await expect(run.orchestrator.restore({} as RunCheckpoint)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
    const checkpoint = run.orchestrator.checkpoint();
    run.orchestrator.enqueue({ id: "1", prompt: "A" });
    void run.orchestrator.start();
    await expect(run.orchestrator.restore(checkpoint)).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    run.orchestrator.cancel();
  });
});

describe("the context", () => {
  const reflecting = { ...done, reflection: { lessonsLearned: "test first", whatCouldImprove: "naming" } };

  it("K36: a reflection becomes a learning and an insight, right after the verdict", async () => {
    const run = scriptedRun({ oracle: [reflecting] });
    await run.run();
    expect(run.orchestrator.status.context).toMatchObject({ learnings: [{ summary: "test first" }], reflections: [{ summary: "naming" }] });
    const types: RunEventType[] = run.types();
    expect(types[types.indexOf("reflectionCaptured") - 1]).toBe("oracleVerified");
  });

  it("K36: with reflection off there is nothing", async () => {
    const run = scriptedRun({ oracle: [reflecting], settings: { context: { enableReflection: false } } });
    await run.run();
    expect(run.count("reflectionCaptured")).toBe(0);
    expect(run.orchestrator.status.context).toMatchObject({ learnings: [], reflections: [] });
  });

  it("K38: outputs and learnings keep the newest; 0 keeps none", async () => {
    for (const limit of [2, 0]) {
      const run = scriptedRun({
        prompts: ["A", "B", "C"],
        executor: ["o1", "o2", "o3"],
        oracle: [reflecting],
        settings: { context: { maxOutputs: limit, maxLearnings: limit } },
      });
      await run.run();
      expect(run.orchestrator.status.context.previousOutputs).toEqual(limit === 0 ? [] : ["o2", "o3"]);
      expect(run.orchestrator.status.context.learnings).toHaveLength(limit);
    }
  });

  it("executor and oracle see the goal and what came before", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], executor: ["one", "two"], oracle: [done] });
    await run.run();
    expect(run.calls.scopes[1]).toMatchObject({
      iteration: 2,
      pass: 1,
      executionId: "id-1",
      context: { goal: "B", previousOutputs: ["one"] },
    });
    expect(run.calls.questions[1]).toMatchObject({
      iteration: 2,
      context: { previousOutputs: ["one", "two"] },
      config: { orchestration: { maxIterations: 10 } },
    });
  });
});

describe("budgets", () => {
  const settings = { ...quiet, autoContinue: { enabled: true }, maxIterations: 50 };

  it("each limit stops the run with its own reason, before the next pass", async () => {
    const result = { success: true, output: "same", tokenUsage: { inputTokens: 60, outputTokens: 40 }, cost: 1 };
    for (const [budget, reason, passes] of [
      [{ maxTokens: 300 }, "max-tokens", 3],
      [{ maxCost: 2 }, "max-cost", 2],
      [{ stallIterations: 3 }, "stalled", 4],
    ] as const) {
      const run = scriptedRun({ executor: [result], oracle: [{ ...goOn, tokenUsage: {} }], budget, settings });
      expect(await run.run()).toMatchObject({ finalState: "stoppedByCondition", reason });
      expect(run.prompts).toHaveLength(passes);
      expect(run.events.at(-1)).toMatchObject({ type: "stopped", reason });
    }
  });

  it("wall time counts waiting, and ends with the pass in hand", async () => {
    const run = scriptedRun({
      oracle: [goOn],
      budget: { maxWallMs: 1_000 },
      settings,
      executor: () => new Promise((resolve) => run.clock.setTimeout(() => resolve({ success: true, output: "x" }), 400)),
    });
    expect(await run.run()).toMatchObject({ reason: "max-wall", iterations: 3, usage: { wallMs: 1_200 } });
  });

  it("a spent budget takes the next pass, too, and then an empty queue is no regular end", async () => {
    const run = scriptedRun({ oracle: [refine("A2")], budget: { maxTokens: 1 }, settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByCondition", reason: "max-tokens" });
    expect(run.prompts).toEqual(["A"]);
    expect(run.count("oracleRetrying")).toBe(0);
  });

  it("a run that has done all its work when the budget is spent is complete", async () => {
    const run = scriptedRun({ oracle: [done], budget: { maxTokens: 1 }, settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "completed" });
  });

  it("tokens are estimated where nobody counted them", async () => {
    const run = scriptedRun({ prompts: ["12345678"], executor: ["1234"], oracle: [{ ...done, analysis: "12345" }], settings: quiet });
    expect(await run.run()).toMatchObject({ usage: { tokens: 2 + 1 + 1 + 2 } });
  });

  it("a rising confidence or another output is progress", async () => {
    const oracle = [0.1, 0.2, 0.2, 0.2].map((confidence) => verdict.progress("hm", confidence));
    const run = scriptedRun({ executor: ["a", "a", "b", "b", "b"], oracle, budget: { stallIterations: 2 }, settings });
    expect(await run.run()).toMatchObject({ reason: "stalled", iterations: 5 });
  });
});

describe("parts of a run", () => {
  it("factories make one part per run, which is disposed once when the run ends; shared objects are not", async () => {
    const log: string[] = [];
    const made = (name: string, part: object) => ({
      create: ({ executionId }: { executionId: string }) => {
        log.push(`${name} for ${executionId}`);
        return { ...part, [Symbol.asyncDispose]: async () => void log.push(`${name} disposed`) };
      },
    });
    const orchestrator = createAutonomousOrchestrator({
      executionId: "x",
      executor: made("executor", { execute: async () => ({ success: true, output: "done" }) }) as never,
      oracle: made("oracle", { verify: async () => done }) as never,
      fallback: { canProvide: () => false, get: () => undefined, [Symbol.dispose]: () => void log.push("shared disposed") } as never,
    });
    for (const id of ["1", "2"]) {
      orchestrator.enqueue({ id, prompt: id });
      await orchestrator.start();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const round = ["executor for x", "oracle for x", "oracle disposed", "executor disposed"];
    expect(log).toEqual([...round, ...round]);
  });

  it("a factory that throws refuses the start, and the next one may succeed", async () => {
    let fails = true;
    const orchestrator = createAutonomousOrchestrator({
      executor: {
        create: () => {
          if (fails) throw new Error("no model");
          return { execute: async () => ({ success: true, output: "done" }) };
        },
      },
    });
    orchestrator.enqueue({ id: "1", prompt: "A" });
    await expect(orchestrator.start()).rejects.toThrow("no model");
    fails = false;
    expect(await orchestrator.start()).toMatchObject({ finalState: "completed", finalOutput: "done" });
  });

  it("the configuration is described without secrets", () => {
    const { orchestrator } = scriptedRun({ budget: { maxTokens: 5 } });
    const description = orchestrator.describeConfiguration();
    expect(description).toMatchObject({
      parts: { executor: "function", oracle: "none" },
      budget: { maxTokens: 5 },
      settings: { llm: { apiKey: "not set" } },
    });
    expect(JSON.parse(JSON.stringify(description))).toMatchObject({ maxHistory: 200 });
  });
});
