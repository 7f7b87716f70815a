import { describe, expect, it } from "vitest";
import { AlreadyRunningError } from "../../../../src/model/already-running-error.ts";
import { verdict } from "../../../../src/model/verdict.ts";
import { done, goOn, refine, scriptedRun } from "./scripted-run.ts";

const quiet = { enableCheckpointing: false, context: { enableTracking: false } } as const;

describe("the outer loop", () => {
  it("K1: a run with nothing queued completes at once", async () => {
    const run = scriptedRun({ prompts: [] });
    expect(await run.run()).toMatchObject({ finalState: "completed", iterations: 0 });
    expect(run.types()).toEqual(["started", "completed"]);
  });

  it("K1: a start during a run is refused and raises no event", async () => {
    const run = scriptedRun({});
    const refused: Promise<unknown>[] = [];
    run.orchestrator.on("taskStarted", () => refused.push(run.orchestrator.start().catch((error: unknown) => error)));
    await run.run();
    expect(await refused[0]).toBeInstanceOf(AlreadyRunningError);
    expect(run.count("started")).toBe(1);
  });

  it("K1: a new start resets history, outputs and counters, and keeps the queue", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], settings: { maxIterations: 1 } });
    await run.run();
    expect(run.orchestrator.status).toMatchObject({ state: "stoppedByMaxIterations", iteration: 1, queued: 1 });
    await run.finish(run.orchestrator.start());
    expect(run.orchestrator.status).toMatchObject({ state: "completed", iteration: 1, queued: 0, historyCount: 1 });
    expect(run.orchestrator.status.context.previousOutputs).toEqual(["done"]);
    expect(run.prompts).toEqual(["A", "B"]);
  });

  it("K1: what is enqueued after a run's end waits for the next start, and the end stays visible until then", async () => {
    const run = scriptedRun({});
    await run.run();
    run.orchestrator.enqueue({ id: "late", prompt: "B" });
    expect(run.orchestrator.status).toMatchObject({ state: "completed", queued: 1, historyCount: 1 });
    await run.finish(run.orchestrator.start());
    expect(run.prompts).toEqual(["A", "B"]);
  });

  it("K2: every event says where it belongs, with rising numbers; endings say why", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], oracle: [refine("A2"), done, done] });
    await run.run();
    for (const [index, event] of run.events.entries()) {
      expect(event).toMatchObject({ executionId: "id-1", sessionId: "id-2", sequence: index + 1, at: 0 });
    }
    expect(run.all("taskStarted").map(({ iteration, pass }) => [iteration, pass])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    expect(run.all("oracleVerified").map(({ iteration, pass }) => [iteration, pass])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
    ]);
    expect(run.events.at(-1)).toMatchObject({ type: "completed", reason: "queue-empty" });
  });

  it("K4: a plain run tells everything in the promised order", async () => {
    const run = scriptedRun({
      oracle: [goOn, done],
      settings: { autoContinue: { enabled: true } },
      executor: async (_, { onOutput }) => {
        onOutput("part");
        return { success: true, output: "whole" };
      },
    });
    await run.run();
    const iteration = (...end: string[]) => [
      "iterationStarted",
      "contextUpdated",
      "taskStarted",
      "taskOutput",
      "oracleVerifying",
      "oracleVerified",
      ...end,
      "historyEntryAdded",
      "taskCompleted",
      "iterationCompleted",
    ];
    expect(run.types()).toEqual([
      "taskEnqueued",
      "started",
      ...iteration(),
      "autoContinuing",
      "taskEnqueued",
      "checkpointCreated",
      ...iteration("oracleComplete"),
      "checkpointCreated",
      "completed",
    ]);
  });

  it("K4: a goal that ends the run raises taskCompleted, then completed, without iterationCompleted and without a checkpoint", async () => {
    const run = scriptedRun({ oracle: [done], settings: { completionMode: "untilGoalAchieved" } });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByGoalAchieved", goalAchieved: true });
    expect(run.types().slice(-2)).toEqual(["taskCompleted", "completed"]);
    expect(run.events.at(-1)).toMatchObject({ reason: "goal-achieved" });
    expect(run.count("checkpointCreated") + run.count("iterationCompleted")).toBe(0);
  });

  it("K16: the limit is checked before a task is taken; waiting tasks stay queued", async () => {
    const run = scriptedRun({ prompts: ["A", "B", "C"], settings: { ...quiet, maxIterations: 2 } });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByMaxIterations", iterations: 2 });
    expect(run.orchestrator.status.queued).toBe(1);
    expect(run.events.at(-1)).toMatchObject({ type: "maxIterationsReached", reason: "max-iterations" });
  });

  it("K17: in a goal mode an empty queue is told once and ends the run", async () => {
    const run = scriptedRun({ oracle: [verdict.stop("no")], settings: { ...quiet, completionMode: "untilGoalAchieved" } });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByCondition", reason: "no-more-tasks" });
    expect(run.types().slice(-2)).toEqual(["queueEmpty", "stopped"]);
    expect(run.count("queueEmpty")).toBe(1);
  });

  it("K17: with the limit used up an empty queue is the limit's end", async () => {
    const run = scriptedRun({
      oracle: [verdict.stop("no")],
      settings: { ...quiet, completionMode: "untilGoalAchieved", maxIterations: 1 },
    });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByMaxIterations" });
    expect(run.count("queueEmpty")).toBe(0);
  });

  it("K18: singleGoal follows only the first task and its continuations", async () => {
    const settings = { ...quiet, completionMode: "singleGoal", autoContinue: { enabled: true } } as const;
    const run = scriptedRun({ prompts: ["A", "B"], oracle: [goOn, goOn, done], settings });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByGoalAchieved", iterations: 3 });
    expect(run.prompts).toEqual(["A", "Continue with iteration 2", "Continue with iteration 3"]);
    expect(run.orchestrator.status.queued).toBe(1);
  });

  it("K18: singleGoal with nothing continued stops and leaves the others queued", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], oracle: [verdict.stop("no")], settings: { ...quiet, completionMode: "singleGoal" } });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByCondition", reason: "no-more-tasks" });
    expect(run.orchestrator.status.queued).toBe(1);
    expect(run.count("queueEmpty")).toBe(0);
  });
});

describe("auto-continue", () => {
  const settings = { ...quiet, autoContinue: { enabled: true } } as const;

  it("K12: needs a verdict that is not complete and may continue", async () => {
    for (const [given, continues] of [
      [goOn, true],
      [verdict.stop("no"), false],
      [verdict.goalAchieved("unsure", 0.1), false],
      [new Error("offline"), false],
    ] as const) {
      const run = scriptedRun({ oracle: [given, done], settings });
      await run.run();
      expect(run.count("autoContinuing")).toBe(continues ? 1 : 0);
    }
  });

  it("K12: on-incomplete continues in spite of a verdict that may not", async () => {
    const run = scriptedRun({
      oracle: [verdict.stop("no"), done],
      settings: { ...quiet, autoContinue: { enabled: true, onIncomplete: true } },
    });
    expect(await run.run()).toMatchObject({ iterations: 2 });
  });

  it("K13: the template is filled in one pass and cuts long outputs", async () => {
    const template = "{iteration}|{previous_output}|{oracle_analysis}";
    const output = `{oracle_analysis}${"x".repeat(300)}`;
    const run = scriptedRun({
      executor: [output, "end"],
      oracle: [{ ...goOn, analysis: " " }, done],
      settings: { ...quiet, autoContinue: { enabled: true, promptTemplate: template } },
    });
    await run.run();
    expect(run.prompts[1]).toBe(`2|${output.slice(0, 200)}...|No analysis`);
  });

  it("K14: a continuation keeps the goal that began the chain, and names its parent", async () => {
    const run = scriptedRun({ oracle: [goOn, goOn, done], settings });
    await run.run();
    expect(run.calls.questions.map(({ goal }) => goal)).toEqual(["A", "A", "A"]);
    expect(run.all("taskEnqueued").map(({ parentTaskId }) => parentTaskId)).toEqual([undefined, "task-1", "task-1.2"]);
  });

  it("K15: a continuation goes to the end of the queue", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], oracle: [goOn, done], settings });
    await run.run();
    expect(run.prompts).toEqual(["A", "B", "Continue with iteration 2"]);
  });

  it("R7: follow-up requests come from the request factory, which gets the request before", async () => {
    type Round = { id: string; prompt: string; round: number };
    const run = scriptedRun({
      oracle: [refine("A2"), goOn, done],
      settings,
      requestFactory: (id, prompt, parent) => ({ id, prompt, round: ((parent as Round).round ?? 0) + 1 }) as Round,
    });
    await run.run();
    expect(run.calls.requests).toEqual([
      { id: "task-1", prompt: "A" },
      { id: "task-1", prompt: "A2", round: 1 },
      { id: "task-1.2", prompt: "Continue with iteration 2", round: 2 },
    ]);
  });
});

describe("the inner loop", () => {
  it("K5: a suggestion causes another pass, and the oracle is asked about the goal", async () => {
    const run = scriptedRun({ oracle: [refine("A2"), done], settings: quiet });
    expect(await run.run()).toMatchObject({ iterations: 1 });
    expect(run.prompts).toEqual(["A", "A2"]);
    expect(run.calls.questions.map(({ goal }) => goal)).toEqual(["A", "A"]);
  });

  it("K5: a blank suggestion causes none", async () => {
    const run = scriptedRun({ oracle: [refine("  ")], settings: quiet });
    await run.run();
    expect(run.prompts).toEqual(["A"]);
  });

  it("K6: at most oracle.maxIterations passes; oracleRetrying only if another pass follows", async () => {
    const run = scriptedRun({ oracle: [refine("again")], settings: { ...quiet, oracle: { maxIterations: 3 } } });
    await run.run();
    expect(run.prompts).toEqual(["A", "again", "again"]);
    expect(run.count("oracleRetrying")).toBe(2);
    expect(run.count("oracleComplete")).toBe(0);
  });

  it("K7: complete below the threshold is not the goal and does not auto-continue", async () => {
    const settings = { ...quiet, completionMode: "untilGoalAchieved", autoContinue: { enabled: true } } as const;
    const run = scriptedRun({ oracle: [verdict.goalAchieved("unsure", 0.69)], settings });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByCondition", goalAchieved: false, iterations: 1 });
    expect(run.all("oracleComplete")).toMatchObject([{ reason: "cannot-continue" }]);
  });

  it("K8: an oracle that is off, absent or not configured is not asked", async () => {
    for (const script of [
      { settings: { ...quiet, oracle: { enabled: false } }, oracle: [done] },
      { settings: quiet },
      { settings: quiet, oracle: [done], oracleIsConfigured: false },
    ]) {
      const run = scriptedRun(script);
      await run.run();
      expect(run.types("historyEntryAdded")).not.toContain("oracleVerifying");
      expect(run.orchestrator.status.history).toMatchObject([{ output: "done", tries: 1 }]);
      expect(run.orchestrator.status.history[0]).not.toHaveProperty("verdict");
    }
  });

  it("K9: an oracle error ends the task, not the run, and no older verdict is used", async () => {
    const run = scriptedRun({
      prompts: ["A", "B"],
      oracle: [refine("A2"), new Error("judge offline"), done],
      settings: { ...quiet, autoContinue: { enabled: true } },
    });
    expect(await run.run()).toMatchObject({ finalState: "completed", iterations: 2 });
    expect(run.count("autoContinuing")).toBe(0);
    const { history, lastError } = run.orchestrator.status;
    expect(history[1]).toMatchObject({ prompt: "A2", success: true, error: { message: "judge offline" } });
    expect(history[1]).not.toHaveProperty("verdict");
    expect(lastError).toMatchObject({ message: "judge offline" });
    const types = run.types();
    const at = types.indexOf("oracleError");
    expect(types.slice(at, at + 3)).toEqual(["oracleError", "historyEntryAdded", "taskCompleted"]);
  });

  it("K10: one history entry per pass, after the event of the decision", async () => {
    const run = scriptedRun({ executor: ["one", "two"], oracle: [refine("A2"), done], settings: quiet });
    await run.run();
    expect(run.orchestrator.status.history).toEqual([
      { iteration: 1, pass: 1, taskId: "task-1", prompt: "A", output: "one", success: true, verdict: refine("A2"), tries: 1 },
      { iteration: 1, pass: 2, taskId: "task-1", prompt: "A2", output: "two", success: true, verdict: done, tries: 1 },
    ]);
    const decisions = run.types().filter((type) => /oracleRetrying|oracleComplete|historyEntryAdded|taskCompleted/.test(type));
    expect(decisions).toEqual(["oracleRetrying", "historyEntryAdded", "oracleComplete", "historyEntryAdded", "taskCompleted"]);
  });

  it("K10: history keeps the newest entries and counts all", async () => {
    const run = scriptedRun({ prompts: ["A", "B", "C"], maxHistory: 2, settings: quiet });
    await run.run();
    expect(run.orchestrator.status).toMatchObject({ historyCount: 3, history: [{ prompt: "B" }, { prompt: "C" }] });
  });

  it("K11: inference is applied once, and everything sees its result", async () => {
    const run = scriptedRun({
      oracle: [{ ...refine("A2"), canContinue: false }, done],
      settings: { ...quiet, autoContinue: { inferCanContinue: true } },
    });
    await run.run();
    expect(run.prompts).toEqual(["A", "A2"]);
    expect(run.all("oracleVerified")[0]?.verdict.canContinue).toBe(true);
    expect(run.orchestrator.status.history[0]?.verdict?.canContinue).toBe(true);
  });

  it("a verdict that is none counts as an oracle error, and confidence is clamped", async () => {
    const broken = scriptedRun({ oracle: [{} as never], settings: quiet });
    await broken.run();
    expect(broken.count("oracleError")).toBe(1);
    const sure = scriptedRun({ oracle: [{ ...done, confidence: 7 }], settings: quiet });
    await sure.run();
    expect(sure.all("oracleVerified")[0]?.verdict.confidence).toBe(1);
  });
});
