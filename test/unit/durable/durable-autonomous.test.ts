import { expect, test } from "vitest";
import { createMemoryStore } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import { createAutonomousOrchestrator, type RunRequest, verdict } from "../../../src/index.ts";

/** Five iterations, told as they begin; the third one stays open in the worker that is to be closed. */
function fiveIterations(began: number[], holdsThird: boolean) {
  return createAutonomousOrchestrator({
    executor: async (_: RunRequest, { iteration, signal }) => {
      began.push(iteration);
      if (holdsThird && iteration === 3) {
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
      }
      return { success: true, output: `iteration ${iteration}` };
    },
    oracle: async () => verdict.continueToNextIteration("more"),
    settings: { orchestration: { maxIterations: 5, autoContinue: { enabled: true } } },
  });
}

test("an autonomous run goes on in another worker after its last finished pass", async () => {
  const store = createMemoryStore();
  const [first, second]: [number[], number[]] = [[], []];
  const one = createDurableCoordinator({ name: "runs", store, orchestrator: fiveIterations(first, true) });
  const thirdBegan = new Promise<void>((resolve) => {
    one.on("execution.reported", ({ event }) => event.type === "taskStarted" && event.iteration === 3 && resolve());
  });
  const id = await one.start({ id: "task", prompt: "improve" });
  await thirdBegan;
  await one.close({ mode: "release", deadlineMs: 50 });

  const two = createDurableCoordinator({ name: "runs", store, orchestrator: fiveIterations(second, false) });
  const outcome = await two.waitFor(id);
  expect(outcome).toMatchObject({ finalState: "stoppedByMaxIterations", iterations: 5, finalOutput: "iteration 5" });
  expect({ first, second }).toEqual({ first: [1, 2, 3], second: [3, 4, 5] });
  await two.close();
  await store.close();
});

test("settings of a start are stored with it, but no secret", async () => {
  const store = createMemoryStore();
  const orchestrator = createAutonomousOrchestrator({
    executor: async () => ({ success: true, output: "done" }),
    oracle: async () => verdict.continueToNextIteration("more"),
    settings: { orchestration: { autoContinue: { enabled: true } } },
  });
  const coordinator = createDurableCoordinator({ name: "runs", store, orchestrator });
  const settings = { orchestration: { maxIterations: 2 }, llm: { apiKey: "sk-very-secret" } };
  const id = await coordinator.start({ id: "task", prompt: "improve" }, { settings });
  expect(await coordinator.waitFor(id)).toMatchObject({ iterations: 2 });
  expect(JSON.stringify(await store.get("runs", [id]))).not.toContain("sk-very-secret");
  await expect(coordinator.start({ id: "t", prompt: "" }, { settings: { orchestration: { maxIterations: 0 } } })).rejects.toMatchObject({
    code: "SETTINGS_INVALID",
  });
  await coordinator.close();
  await store.close();
});

test("executor and oracle are enough: the orchestrator is made of them", async () => {
  const store = createMemoryStore();
  const coordinator = createDurableCoordinator({
    name: "parts",
    store,
    executor: async ({ prompt }: RunRequest) => ({ success: true, output: prompt.toUpperCase() }),
    oracle: async () => verdict.goalAchieved("good"),
  });
  const id = await coordinator.start({ id: "task", prompt: "hello" });
  expect(await coordinator.waitFor(id)).toMatchObject({ goalAchieved: true, finalOutput: "HELLO" });
  await coordinator.close();
  expect(() => createDurableCoordinator({ name: "parts", store, executor: 3 } as never)).toThrow("executor");
  await store.close();
});
