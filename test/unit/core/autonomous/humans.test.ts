import { describe, expect, it } from "vitest";
import type { ApprovalPoint } from "../../../../src/model/loop-settings.ts";
import { verdict } from "../../../../src/model/verdict.ts";
import { done, goOn, refine, rejected, scriptedRun } from "./scripted-run.ts";

const quiet = { enableCheckpointing: false, context: { enableTracking: false } } as const;
const human = (...requiredApprovalPoints: ApprovalPoint[]) => ({ ...quiet, humanInTheLoop: { enabled: true, requiredApprovalPoints } });
const unsure = verdict.progress("hm", 0.4);

describe("before a task", () => {
  it("K23: a human is asked before the iteration is counted", async () => {
    const run = scriptedRun({ approvals: ["approved"], settings: human("beforeTaskStart") });
    await run.run();
    expect(run.types().slice(1, 5)).toEqual(["started", "humanApprovalRequested", "humanApprovalReceived", "iterationStarted"]);
    expect(run.calls.approvals).toMatchObject([{ point: "beforeTaskStart", taskId: "task-1", prompt: "A", iteration: 0 }]);
  });

  it("K23: rejected stops the run; the task was not begun and stays queued", async () => {
    const run = scriptedRun({ approvals: [rejected], settings: human("beforeTaskStart") });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByUser", reason: "rejected", iterations: 0 });
    expect(run.events.at(-1)).toMatchObject({ type: "stopped", reason: "rejected" });
    expect(run.orchestrator.status.queued).toBe(1);
  });

  it("K23: a modification replaces the prompt of the same task; without text it is an approval", async () => {
    const approvals = [
      { decision: "modifyAndApprove", modifiedAction: "B" },
      { decision: "modifyAndApprove", modifiedAction: " " },
    ] as const;
    const run = scriptedRun({ prompts: ["A", "C"], approvals, oracle: [done], settings: human("beforeTaskStart") });
    await run.run();
    expect(run.calls.requests).toEqual([
      { id: "task-1", prompt: "B" },
      { id: "task-2", prompt: "C" },
    ]);
    expect(run.calls.questions.map(({ goal }) => goal)).toEqual(["A", "C"]);
  });

  it("K23: nobody is asked without a handler, when none is available, when it is off, or when the point is not listed", async () => {
    for (const script of [
      { settings: human("beforeTaskStart") },
      { settings: human("beforeTaskStart"), approvals: [rejected], isAvailable: false },
      { settings: human("taskFailed"), approvals: [rejected] },
      { settings: { ...human("beforeTaskStart"), humanInTheLoop: { enabled: false } }, approvals: [rejected] },
    ]) {
      const run = scriptedRun(script);
      expect(await run.run()).toMatchObject({ finalState: "completed" });
      expect(run.count("humanApprovalRequested")).toBe(0);
    }
  });
});

describe("an uncertain verdict", () => {
  it("K24: modified with text leads to the next pass, which counts as one", async () => {
    const run = scriptedRun({
      oracle: [unsure, done],
      approvals: [{ decision: "modifyAndApprove", modifiedAction: "B", comment: "be brief" }],
      settings: human("oracleUncertain"),
    });
    expect(await run.run()).toMatchObject({ iterations: 1 });
    expect(run.prompts).toEqual(["A", "B"]);
    expect(run.orchestrator.status.context.humanComments).toEqual([{ iteration: 1, text: "be brief" }]);
    const limited = scriptedRun({
      oracle: [unsure],
      approvals: [{ decision: "modifyAndApprove", modifiedAction: "B" }],
      settings: { ...human("oracleUncertain"), oracle: { maxIterations: 1 } },
    });
    await limited.run();
    expect(limited.prompts).toEqual(["A"]);
    expect(limited.count("oracleRetrying")).toBe(0);
  });

  it("K24: rejected stops the run, with the pass in the history", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], oracle: [unsure], approvals: [rejected], settings: human("oracleUncertain") });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByUser", reason: "rejected" });
    expect(run.orchestrator.status.historyCount).toBe(1);
    expect(run.count("taskCompleted")).toBe(0);
  });

  it("K24: approved lets the verdict stand", async () => {
    const run = scriptedRun({ oracle: [refine("A2", 0.4), done], approvals: ["approved"], settings: human("oracleUncertain") });
    await run.run();
    expect(run.prompts).toEqual(["A", "A2"]);
  });

  it("K24: confidence equal to the threshold asks nobody", async () => {
    const run = scriptedRun({ oracle: [verdict.progress("hm", 0.5)], approvals: [rejected], settings: human("oracleUncertain") });
    expect(await run.run()).toMatchObject({ finalState: "completed" });
  });
});

describe("answers that do not come", () => {
  it("K25: after the timeout the run goes on, or stops, as the settings say", async () => {
    for (const autoApproveOnTimeout of [true, false]) {
      const settings = {
        ...quiet,
        humanInTheLoop: { enabled: true, requiredApprovalPoints: ["beforeTaskStart"], autoApproveOnTimeout },
      } as const;
      const run = scriptedRun({ approvals: ["hang"], responseTimeoutMs: 5_000, settings });
      expect(await run.run()).toMatchObject(
        autoApproveOnTimeout ? { finalState: "completed" } : { finalState: "stoppedByUser", reason: "approval-timeout" },
      );
      expect(run.clock.now()).toBe(5_000);
      expect(run.count("humanApprovalTimeout")).toBe(1);
      expect(run.count("humanApprovalReceived")).toBe(0);
    }
  });

  it("K25: the timeout is 300 000 ms by default", async () => {
    const run = scriptedRun({ approvals: ["hang"], settings: human("beforeTaskStart") });
    await run.run();
    expect(run.clock.now()).toBe(300_000);
  });

  it("K26: cancelling while a human is asked is a cancel, never an approval", async () => {
    const run = scriptedRun({ approvals: ["hang"], settings: human("beforeTaskStart") });
    run.orchestrator.on("humanApprovalRequested", () => run.orchestrator.cancel());
    expect(await run.run()).toMatchObject({ finalState: "stoppedByUser", reason: "cancelled" });
    expect(run.prompts).toEqual([]);
    expect(run.count("stopped")).toBe(1);
    expect(run.calls.approvals).toEqual([]);
    expect(run.clock.pending).toBe(0);
  });

  it("K29: a deferred decision is asked again after 1 000 ms, under another id", async () => {
    const run = scriptedRun({ approvals: ["deferred", "approved"], settings: human("beforeTaskStart") });
    await run.run();
    expect(run.clock.now()).toBe(1_000);
    expect(new Set(run.calls.approvals.map(({ requestId }) => requestId)).size).toBe(2);
  });

  it("a human handler that fails stops the run with its error", async () => {
    const run = scriptedRun({ approvals: [new Error("no line")], settings: human("beforeTaskStart") });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError", error: { message: "no line" } });
    expect(run.events.at(-1)).toMatchObject({ type: "error", reason: "human-error" });
  });
});

describe("after a task", () => {
  it("K27: a failed task asks whether to go on; rejected stops", async () => {
    const script = {
      prompts: ["A", "B"],
      executor: [new Error("boom"), "done"],
      settings: { ...human("taskFailed"), continueOnFailure: true },
    };
    const stopped = scriptedRun({ ...script, approvals: [rejected] });
    expect(await stopped.run()).toMatchObject({ finalState: "stoppedByUser", reason: "rejected" });
    const goesOn = scriptedRun({ ...script, approvals: ["approved"] });
    expect(await goesOn.run()).toMatchObject({ finalState: "completed", iterations: 2 });
    expect(goesOn.calls.approvals).toMatchObject([{ point: "taskFailed", error: { message: "boom" } }]);
  });

  it("K28: feedback is asked once per finished task, before the ending, with the output of its last pass", async () => {
    const run = scriptedRun({
      prompts: ["A", "B"],
      executor: ["one", "two", "three"],
      oracle: [refine("A2"), verdict.stop("no"), done],
      feedback: [{ comment: "nice" }],
      settings: { ...quiet, completionMode: "untilGoalAchieved", humanInTheLoop: { enabled: true, requestFeedbackOnComplete: true } },
    });
    await run.run();
    expect(run.calls.feedback.map(({ output }) => output)).toEqual(["two", "three"]);
    expect(run.types().slice(-4)).toEqual(["taskCompleted", "humanFeedbackRequested", "humanFeedbackReceived", "completed"]);
    expect(run.orchestrator.status.context.humanComments).toHaveLength(2);
  });

  it("K28: feedback that fails or never comes does not hold up the run for longer than the timeout", async () => {
    for (const feedback of ["hang", new Error("no line")] as const) {
      const settings = { ...quiet, humanInTheLoop: { enabled: true, requestFeedbackOnComplete: true } };
      const run = scriptedRun({ feedback: [feedback], responseTimeoutMs: 700, settings });
      expect(await run.run()).toMatchObject({ finalState: "completed" });
      expect(run.clock.now()).toBe(feedback === "hang" ? 700 : 0);
    }
  });
});

describe("a human who is notified", () => {
  const notified = (settings: ReturnType<typeof human>) => {
    const requests: string[] = [];
    const humanInTheLoop = { responseTimeoutMs: 60_000, notify: ({ requestId }: { requestId: string }) => void requests.push(requestId) };
    return { run: scriptedRun({ humanInTheLoop, oracle: [unsure, goOn], settings }), requests, humanInTheLoop };
  };

  it("answers later by id, and other ids are ignored", async () => {
    const { run, requests } = notified(human("oracleUncertain"));
    run.orchestrator.enqueue({ id: "1", prompt: "A" });
    const outcome = run.orchestrator.start();
    await run.clock.settle();
    expect(run.orchestrator.status).toMatchObject({ state: "askingHuman", question: { point: "oracleUncertain" } });
    run.orchestrator.answer("another", rejected);
    await run.clock.settle();
    expect(run.orchestrator.status.state).toBe("askingHuman");
    run.orchestrator.answer(requests[0] ?? "", { decision: "modifyAndApprove", modifiedAction: "B" });
    expect(await run.finish(outcome)).toMatchObject({ finalState: "completed" });
    expect(run.prompts).toEqual(["A", "B"]);
  });

  it("is not notified again after a restore, and what is left of the time goes on", async () => {
    const { run, humanInTheLoop, requests } = notified(human("oracleUncertain"));
    run.orchestrator.enqueue({ id: "1", prompt: "A" });
    void run.orchestrator.start();
    await run.clock.advance(20_000);
    const checkpoint = run.orchestrator.checkpoint();
    const restored = scriptedRun({ humanInTheLoop, oracle: [goOn], settings: human("oracleUncertain") });
    await restored.clock.advance(20_000);
    expect(await restored.restore(checkpoint)).toMatchObject({ finalState: "completed", iterations: 1 });
    expect(requests).toHaveLength(1);
    expect(restored.clock.now()).toBe(60_000);
    expect(restored.prompts).toEqual([]);
    run.orchestrator.cancel();
  });
});

describe("user code", () => {
  it("asks a human at a point of its own, and is approved at once where the point is not required", async () => {
    for (const required of [true, false]) {
      const answers: unknown[] = [];
      const run = scriptedRun({
        settings: required ? human("highRiskAction") : human(),
        approvals: ["deferred", { decision: "rejected", comment: "too risky" }],
        executor: async (_, { requestApproval }) => {
          answers.push(await requestApproval("highRiskAction", { description: "delete it" }));
          return { success: true, output: "done" };
        },
      });
      await run.run();
      expect(answers).toMatchObject([required ? { decision: "rejected", comment: "too risky" } : { decision: "approved" }]);
      expect(run.count("humanApprovalRequested")).toBe(required ? 2 : 0);
      expect(run.clock.pending).toBe(0);
    }
  });

  it("gets a timed-out question answered as the settings say", async () => {
    const answers: unknown[] = [];
    const run = scriptedRun({
      settings: human("highRiskAction"),
      approvals: ["hang"],
      executor: async (_, scope) => {
        answers.push(await scope.requestApproval("highRiskAction"));
        return { success: true, output: "done" };
      },
    });
    await run.run();
    expect(answers).toEqual([{ decision: "approved" }]);
    expect(run.count("humanApprovalTimeout")).toBe(1);
  });
});
