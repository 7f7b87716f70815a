/** Executions with settings from two files at the same time: each keeps to its own, and what has the higher priority begins first. */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createCoordinator, loadSettings, type Settings, verdict } from "../src/index.ts";

const settingsFile = (name: string) => loadSettings(fileURLToPath(new URL(name, import.meta.url)));
const high = await settingsFile("high-priority.yaml");
const low = await settingsFile("low-priority.yaml");

const coordinator = createCoordinator({
  maxConcurrent: 3,
  // The executor does the work of a pass; here every draft is better than the one before.
  executor: async ({ id }, { iteration, signal }) => {
    await pause(30, undefined, { signal });
    return { success: true, output: `draft ${iteration} (task ${id})` };
  },
  // The oracle judges it, and sees the settings of the run that asks.
  oracle: async ({ goal, iteration, config: { orchestration } }) => {
    const { maxIterations, confidence } = orchestration;
    console.log(`  ${goal}: iteration ${iteration} of at most ${maxIterations}, sure enough at ${confidence.minThreshold}`);
    const quality = Math.min(1, 0.2 * iteration);
    return quality >= confidence.minThreshold ? verdict.goalAchieved("well done", quality) : verdict.progress("still rough", quality);
  },
});

coordinator.on("execution.started", ({ executionId }) => {
  console.log(`${executionId} begins, with priority ${coordinator.getStatus(executionId)?.priority}`);
});

// The prompts that continue a run come from its own file, too.
coordinator.on("execution.reported", ({ executionId, event }) => {
  if (event.type === "autoContinuing") console.log(`  ${executionId} goes on: ${event.prompt}`);
});

// Three slots for four: the lease and the treaty are among the first three, although they are started last.
const entry = (prompt: string, settings: Settings, priority: number) => ({
  input: { id: `${prompt}-1`, prompt },
  options: { id: prompt, settings, priority },
});
const ids = await coordinator.startMany([
  entry("newsletter", low, 0),
  entry("postcard", low, 0),
  entry("lease", high, 10),
  entry("treaty", high, 10),
]);

for (const id of ids) {
  const { finalState, iterations, finalOutput } = await coordinator.waitFor(id);
  console.log(`${id}: ${finalState} after ${iterations} iterations with ${finalOutput}`);
}
await coordinator.close();
