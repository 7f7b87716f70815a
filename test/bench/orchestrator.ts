import { createAutonomousOrchestrator } from "../../src/core/autonomous-orchestrator.ts";
import type { StepResult } from "../../src/model/run-task.ts";
import { verdict } from "../../src/model/verdict.ts";

const rounds = 5;
const shortRuns = 3_000;
const longIterations = 10_000;
const slices = 5;

const result: StepResult = { success: true, output: "done" };
const goal = verdict.goalAchieved("done");
const goOn = verdict.continueToNextIteration("not yet", 0.6);

/** What the loop itself costs: executor and oracle answer at once. Prints medians, and one line of JSON at the end. */
export async function bench(): Promise<unknown> {
  await oneIteration(shortRuns);
  const perRun = await samples(() => oneIteration(shortRuns));
  const slicesOfRounds = await samples(longRun);
  const perIteration = Array.from({ length: slices }, (_, slice) => median(slicesOfRounds.map((times) => times[slice] ?? Number.NaN)));
  const figures = {
    bench: "orchestrator",
    rounds,
    usPerRunOfOneIteration: round(median(perRun)),
    usPerIterationBySlice: perIteration.map(round),
    lastSliceToSecond: round((perIteration.at(-1) ?? Number.NaN) / (perIteration[1] ?? Number.NaN)),
  };
  console.log(`one run of one iteration, executor and oracle: ${figures.usPerRunOfOneIteration} µs`);
  console.log(`one iteration of a run of ${longIterations}, by fifths: ${figures.usPerIterationBySlice.join(", ")} µs`);
  console.log(JSON.stringify(figures));
  return figures;
}

/** Microseconds per run, one after the other, as a coordinator begins them. */
async function oneIteration(runs: number): Promise<number> {
  const orchestrator = createAutonomousOrchestrator({ executor: async () => result, oracle: async () => goal });
  const startedAt = performance.now();
  for (let index = 0; index < runs; index++) {
    const run = orchestrator.createRun({ id: "task", prompt: "A" }, { executionId: "x" });
    run.start();
    await run.outcome;
  }
  return ((performance.now() - startedAt) * 1_000) / runs;
}

/** Microseconds per iteration in each part of one long run, checkpoints on. */
async function longRun(): Promise<number[]> {
  const orchestrator = createAutonomousOrchestrator({
    executor: async () => result,
    oracle: async () => goOn,
    settings: { orchestration: { maxIterations: longIterations, autoContinue: { enabled: true } } },
  });
  const times: number[] = [];
  let sliceAt = performance.now();
  orchestrator.on("iterationCompleted", ({ iteration }) => {
    if (iteration % (longIterations / slices) !== 0) return;
    const now = performance.now();
    times.push(((now - sliceAt) * 1_000) / (longIterations / slices));
    sliceAt = now;
  });
  orchestrator.enqueue({ id: "task", prompt: "A" });
  await orchestrator.start();
  return times;
}

async function samples<Sample>(measure: () => Promise<Sample>): Promise<Sample[]> {
  const taken: Sample[] = [];
  for (let index = 0; index < rounds; index++) taken.push(await measure());
  return taken;
}

function median(figures: readonly number[]): number {
  return figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
}

const round = (figure: number): number => Math.round(figure * 100) / 100;
