import { expect, it } from "vitest";
import { InvalidOptionsError } from "../../../src/model/errors.ts";
import { createScriptedOrchestrator } from "../../../src/testing/scripted-orchestrator.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";
import { createScopeDouble } from "./execution-scope-double.ts";

it("each call takes the next step, and the last step repeats", async () => {
  const error = new Error("busy");
  const { orchestrator, calls } = createScriptedOrchestrator<number, string>([{ error }, { output: "first" }, { output: "rest" }]);
  await expect(orchestrator(1, createScopeDouble("a").scope)).rejects.toBe(error);
  await expect(orchestrator(2, createScopeDouble("a", 2).scope)).resolves.toBe("first");
  await expect(orchestrator(3, createScopeDouble("b").scope)).resolves.toBe("rest");
  await expect(orchestrator(4, createScopeDouble("c").scope)).resolves.toBe("rest");
  expect(calls.map(({ executionId, attempt, input }) => [executionId, attempt, input])).toEqual([
    ["a", 1, 1],
    ["a", 2, 2],
    ["b", 1, 3],
    ["c", 1, 4],
  ]);
});

it("a function chooses the step by input, call number and scope", async () => {
  const { orchestrator } = createScriptedOrchestrator<string, string>((input, callNumber, { attempt }) => ({
    output: `${input} in call ${callNumber}, attempt ${attempt}`,
  }));
  await orchestrator("a", createScopeDouble("a").scope);
  await expect(orchestrator("b", createScopeDouble("b", 3).scope)).resolves.toBe("b in call 2, attempt 3");
});

it("an output may be undefined", async () => {
  const { orchestrator } = createScriptedOrchestrator<void, undefined>([{ output: undefined }]);
  await expect(orchestrator(undefined, createScopeDouble("a").scope)).resolves.toBeUndefined();
});

it("progress is reported as the call begins, the delay is waited on the clock", async () => {
  const clock = new VirtualClock();
  const { orchestrator } = createScriptedOrchestrator<void, string>([{ output: "done", delayMs: 500, progress: "half way" }], { clock });
  const { scope, reported } = createScopeDouble("a");
  let endedAt: number | undefined;
  const result = orchestrator(undefined, scope).finally(() => {
    endedAt = clock.now();
  });
  expect(reported).toEqual(["half way"]);
  await clock.advance(499);
  expect(endedAt).toBeUndefined();
  await clock.advance(10);
  expect(endedAt).toBe(500);
  await expect(result).resolves.toBe("done");
});

it("an abort ends a delay with the signal's reason and leaves no timer", async () => {
  const clock = new VirtualClock();
  const { orchestrator } = createScriptedOrchestrator<void, string>([{ output: "done", delayMs: 500 }], { clock });
  const { scope, abort } = createScopeDouble("a");
  const result = orchestrator(undefined, scope);
  expect(clock.pending).toBe(1);
  const reason = new Error("cancelled");
  abort(reason);
  await expect(result).rejects.toBe(reason);
  expect(clock.pending).toBe(0);
});

it("untilCancelled waits for the abort, and rejects with its reason also when that came first", async () => {
  const { orchestrator } = createScriptedOrchestrator([{ untilCancelled: true }]);
  const { scope, abort } = createScopeDouble("a");
  const result = orchestrator(undefined, scope);
  abort("enough");
  await expect(result).rejects.toBe("enough");
  await expect(orchestrator(undefined, scope)).rejects.toBe("enough");
});

it("a script without steps and a delay without a clock are refused", async () => {
  expect(() => createScriptedOrchestrator([])).toThrow(InvalidOptionsError);
  expect(() => createScriptedOrchestrator([{ output: 1 }, { output: 2, delayMs: 5 }])).toThrow(
    "clock: expected a clock, because script[1] has a delayMs, got undefined",
  );
  const { orchestrator } = createScriptedOrchestrator(() => ({ output: 1, delayMs: 5 }));
  await expect(orchestrator(1, createScopeDouble("a").scope)).rejects.toBeInstanceOf(InvalidOptionsError);
});
