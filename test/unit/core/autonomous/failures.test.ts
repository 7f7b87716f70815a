import { describe, expect, it } from "vitest";
import { listFallback } from "../../../../src/core/list-fallback.ts";
import { done, goOn, refine, scriptedRun } from "./scripted-run.ts";

const quiet = { enableCheckpointing: false, context: { enableTracking: false } } as const;
const failed = { success: false, output: "half", errorOutput: "no" };

describe("retries", () => {
  it("K19: a throw, a reported failure and a blank output are each tried again after the delay", async () => {
    const run = scriptedRun({
      executor: [new Error("e1"), failed, " ", "fine"],
      oracle: [done],
      settings: { ...quiet, retry: { count: 3, delayMs: 250 } },
    });
    expect(await run.run()).toMatchObject({ finalState: "completed", finalOutput: "fine" });
    expect(run.clock.now()).toBe(750);
    expect(run.all("retryAttempt").map(({ attempt, delayMs, at }) => [attempt, delayMs, at])).toEqual([
      [1, 250, 0],
      [2, 250, 250],
      [3, 250, 500],
    ]);
    expect(run.orchestrator.status.history).toMatchObject([{ pass: 1, tries: 4, output: "fine" }]);
    expect(run.orchestrator.status.context.previousOutputs).toEqual(["fine"]);
  });

  it("K19: the last error becomes the task's error", async () => {
    const run = scriptedRun({
      executor: [new Error("first"), new Error("second")],
      settings: { ...quiet, retry: { count: 1, delayMs: 1 } },
    });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError", error: { message: "second" } });
  });

  it("K19: the last unsuccessful result goes to the oracle as it is", async () => {
    const run = scriptedRun({ executor: [failed], oracle: [done], settings: { ...quiet, retry: { count: 1, delayMs: 1 } } });
    expect(await run.run()).toMatchObject({ finalState: "completed", goalAchieved: true, lastResult: failed });
    expect(run.calls.questions).toMatchObject([{ output: "half" }]);
  });

  it("K19: a cancel ends the wait and no try follows", async () => {
    const run = scriptedRun({ executor: [new Error("e")], settings: { ...quiet, retry: { count: 9, delayMs: 60_000 } } });
    run.orchestrator.on("retryAttempt", () => run.orchestrator.cancel());
    expect(await run.run()).toMatchObject({ finalState: "stoppedByUser" });
    expect(run.prompts).toHaveLength(1);
    expect(run.clock.now()).toBe(0);
    expect(run.clock.pending).toBe(0);
  });
});

describe("the fallback", () => {
  const retry = { count: 1, delayMs: 1, enableFallback: true };

  it("K20: gives the result of the pass when all tries failed", async () => {
    const run = scriptedRun({
      executor: [new Error("down")],
      oracle: [done],
      fallback: listFallback(["canned"]),
      settings: { ...quiet, retry },
    });
    expect(await run.run()).toMatchObject({ finalState: "completed", goalAchieved: true, finalOutput: "canned" });
    expect(run.types().filter((type) => type.startsWith("fallback"))).toEqual(["fallbackTriggered", "fallbackSucceeded"]);
    expect(run.orchestrator.status.history).toMatchObject([{ output: "canned", success: true, tries: 2 }]);
  });

  it("K20: with nothing to give, the tries end as without it", async () => {
    for (const fallback of [listFallback([]), { canProvide: () => true, get: () => Promise.reject(new Error("broken")) }]) {
      const run = scriptedRun({ executor: [new Error("down")], fallback, settings: { ...quiet, retry } });
      expect(await run.run()).toMatchObject({ finalState: "stoppedByError", error: { message: "down" } });
      expect(run.types().filter((type) => type.startsWith("fallback"))).toEqual(["fallbackTriggered", "fallbackFailed"]);
    }
    const result = scriptedRun({ executor: [failed], oracle: [done], fallback: listFallback([]), settings: { ...quiet, retry } });
    expect(await result.run()).toMatchObject({ finalState: "completed", lastResult: failed });
  });

  it("K20: is not asked unless it is switched on", async () => {
    const run = scriptedRun({ executor: [new Error("down")], fallback: listFallback(["x"]), settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError" });
    expect(run.count("fallbackTriggered")).toBe(0);
  });

  it("K20: values are used once per run, and none that equals an earlier output", async () => {
    const script = {
      prompts: ["A", "B", "C"],
      executor: ["APPLE", new Error("down")],
      fallback: listFallback(["Apple", "banana", "cherry"]),
      settings: { ...quiet, retry: { enableFallback: true } },
    };
    const run = scriptedRun(script);
    await run.run();
    expect(run.orchestrator.status.history.map(({ output }) => output)).toEqual(["APPLE", "banana", "cherry"]);
    for (const prompt of ["D", "E"]) run.orchestrator.enqueue({ id: prompt, prompt });
    await run.finish(run.orchestrator.start());
    expect(run.orchestrator.status.history.map(({ output }) => output)).toEqual(["Apple", "banana"]);
  });
});

describe("errors of tasks", () => {
  it("K31: without continueOnFailure the run stops and says why", async () => {
    const run = scriptedRun({ prompts: ["A", "B"], executor: [new Error("boom")], settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError", error: { message: "boom" }, iterations: 1 });
    expect(run.types().slice(-2)).toEqual(["historyEntryAdded", "error"]);
    expect(run.orchestrator.status).toMatchObject({ queued: 1, lastError: { message: "boom" } });
  });

  it("K31: with it the task fails, is noted, uses up its iteration and is not continued", async () => {
    const run = scriptedRun({
      prompts: ["A", "B"],
      executor: ["one", new Error("boom"), "two"],
      oracle: [refine("A2"), goOn],
      settings: { enableCheckpointing: false, continueOnFailure: true, autoContinue: { enabled: true }, maxIterations: 2 },
    });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByMaxIterations", iterations: 2 });
    expect(run.all("taskFailed")).toMatchObject([{ taskId: "task-1", error: { message: "boom" } }]);
    expect(run.all("autoContinuing")).toHaveLength(1);
    expect(run.orchestrator.status.context.errorNotes).toMatchObject([{ iteration: 1, message: "boom" }]);
    expect(run.orchestrator.status.history).toMatchObject([
      { output: "one" },
      { success: false, error: { message: "boom" } },
      { output: "two" },
    ]);
  });

  it("K30: an abort error that an executor throws by itself is an ordinary error", async () => {
    const run = scriptedRun({ executor: [new DOMException("too slow", "TimeoutError")], settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError", error: { message: "too slow" } });
  });

  it("what is no result counts as an error of the executor", async () => {
    const run = scriptedRun({ executor: async () => undefined as never, settings: quiet });
    expect(await run.run()).toMatchObject({ finalState: "stoppedByError" });
  });
});

describe("the last iterations", () => {
  const settings = { ...quiet, finalIteration: { enabled: true }, autoContinue: { enabled: true }, maxIterations: 4 };

  it("K21: are announced with what remains; a changed prompt is executed and the goal stays", async () => {
    const run = scriptedRun({
      oracle: [goOn],
      settings,
      finalIteration: { before: ({ request, remaining }) => (remaining > 1 ? request : { ...request, prompt: `${request.prompt} NOW` }) },
    });
    await run.run();
    expect(run.all("finalIterationApproaching").map(({ remaining, iteration }) => [iteration, remaining])).toEqual([
      [2, 3],
      [3, 2],
      [4, 1],
    ]);
    expect(run.all("requestModified")).toMatchObject([{ prompt: "Continue with iteration 4 NOW" }]);
    expect(run.prompts.at(-1)).toBe("Continue with iteration 4 NOW");
    expect(run.calls.questions.at(-1)?.goal).toBe("A");
  });

  it("K22: without a goal a forced result is the final output, and nothing continues", async () => {
    const run = scriptedRun({
      oracle: [goOn],
      settings: { ...settings, maxIterations: 2 },
      finalIteration: { forceCompletion: () => ({ success: true, output: "best guess" }) },
    });
    expect(await run.run()).toMatchObject({ forced: true, goalAchieved: false, finalOutput: "best guess", finalState: "completed" });
    expect(run.types().slice(-4)).toEqual(["taskCompleted", "forcedCompletion", "iterationCompleted", "completed"]);
    expect(run.count("autoContinuing")).toBe(1);
  });

  it("K22: nothing is forced when the goal was reached, or when the strategy has nothing", async () => {
    const reached = scriptedRun({
      oracle: [done],
      settings: { ...settings, maxIterations: 1 },
      finalIteration: { forceCompletion: () => ({ success: true, output: "x" }) },
    });
    expect(await reached.run()).toMatchObject({ forced: false, goalAchieved: true, finalOutput: "done" });
    const nothing = scriptedRun({
      oracle: [goOn],
      settings: { ...settings, maxIterations: 1 },
      finalIteration: { forceCompletion: () => undefined },
    });
    expect(await nothing.run()).toMatchObject({ forced: false, finalState: "stoppedByMaxIterations" });
  });

  it("a strategy that throws is reported and has nothing to say", async () => {
    const fails = () => {
      throw new Error("strategy");
    };
    const run = scriptedRun({ settings: { ...settings, maxIterations: 1 }, finalIteration: { before: fails, forceCompletion: fails } });
    expect(await run.run()).toMatchObject({ finalState: "completed", finalOutput: "done" });
    expect(run.errors).toHaveLength(2);
  });
});
