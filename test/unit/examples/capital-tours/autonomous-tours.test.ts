import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { createAtlas } from "../../../../examples/capital-tours/atlas.ts";
import { createTourExecutor, type TourOutput, type TourRequest } from "../../../../examples/capital-tours/improve-tour.ts";
import { createTourOracle } from "../../../../examples/capital-tours/judge-tour.ts";
import { loadAreas } from "../../../../examples/capital-tours/regions.ts";
import { lengthKm } from "../../../../examples/capital-tours/tour.ts";
import { createAutonomousOrchestrator, loadSettings, type Settings } from "../../../../src/index.ts";

const atlas = createAtlas(loadAreas());
const settingsFile = (name: string) =>
  loadSettings(fileURLToPath(new URL(`../../../../examples/capital-tours/${name}`, import.meta.url)), { environment: {} });
const [thorough, quick] = await Promise.all([settingsFile("thorough.yaml"), settingsFile("quick.yaml")]);

/** One run as the main example makes them, with the output of each of its passes. */
async function run(area: string, from: string, settings: Settings) {
  const outputs: TourOutput[] = [];
  const orchestrator = createAutonomousOrchestrator({
    executor: createTourExecutor(atlas),
    oracle: createTourOracle(atlas),
    finalIteration: { forceCompletion: ({ lastResult }) => lastResult },
    settings,
  });
  orchestrator.on("historyEntryAdded", ({ entry }) => outputs.push(JSON.parse(entry.output ?? "null")));
  const request: TourRequest = { id: "1", prompt: `A short tour through ${area}, from ${from}`, area, from };
  orchestrator.enqueue(request);
  const outcome = await orchestrator.start();
  return { outcome, outputs, history: orchestrator.status.history };
}

describe("an autonomous run", () => {
  it("goes on from the tour of the pass before, which never grows longer, until the oracle has its proof", async () => {
    const { outcome, outputs, history } = await run("Western Asia", "Yemen", thorough);
    expect(outcome).toMatchObject({ finalState: "stoppedByGoalAchieved", goalAchieved: true, forced: false });
    expect(outputs.map(({ round }) => round)).toEqual(outputs.map((_, index) => 3 * (index + 1)));
    const lengths = outputs.map(({ tour }) => lengthKm(tour, atlas("Western Asia")!.distances));
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(history.map(({ verdict }) => verdict?.isComplete)).toEqual(history.map((_, index) => index === history.length - 1));
    expect(history.at(-1)?.verdict).toMatchObject({ confidence: 1, analysis: "no tour is shorter" });
  });

  it("that uses up its iterations ends with the best tour so far, by force, and without the goal", async () => {
    const { outcome, outputs } = await run("Asia", "Kazakhstan", thorough);
    expect(outcome).toMatchObject({ finalState: "stoppedByMaxIterations", goalAchieved: false, forced: true, iterations: 10 });
    expect(JSON.parse(outcome.finalOutput ?? "null")).toEqual(outputs.at(-1));
  });

  it("is content with one percent when its settings are", async () => {
    const { outcome, history } = await run("Oceania", "Wallis and Futuna", quick);
    expect(outcome).toMatchObject({ finalState: "stoppedByGoalAchieved", goalAchieved: true });
    expect(history.at(-1)?.verdict?.confidence).toBeGreaterThan(0.99);
    expect(history.at(-1)?.verdict?.confidence).toBeLessThan(1);
  });

  it("gives the same tour every time", async () => {
    const find = async () => (await run("Caribbean", "Aruba", thorough)).outcome.finalOutput;
    const first = await find();
    expect(first).toContain("tour");
    expect(await find()).toBe(first);
  });

  it.each([
    ["Antarctic", "Antarctica", "no tour can begin in Antarctica: it has no capital"],
    ["Antarctic", "South Georgia", "a round trip needs three capitals, and Antarctic has 2"],
    ["Asia", "France", "no tour can begin in France: it is not in Asia"],
    ["Atlantis", "France", "there is no area Atlantis"],
  ])("through %s from %s fails for good", async (area, from, message) => {
    const { outcome } = await run(area, from, quick);
    expect(outcome).toMatchObject({ finalState: "stoppedByError", iterations: 1, error: { name: "NonRetryableError", message } });
  });
});

describe("the oracle", () => {
  const judge = (tour: readonly number[]) => {
    const context = { goal: "", previousOutputs: [], learnings: [], reflections: [], humanComments: [], errorNotes: [] };
    const question = { goal: "", output: JSON.stringify({ area: "Southern Africa", tour }), iteration: 1, context, config: thorough };
    return createTourOracle(atlas)(question, { signal: new AbortController().signal });
  };

  it("refuses what is no tour", async () => {
    for (const tour of [[0, 1, 2, 3], [0, 1, 2, 3, 3], []])
      await expect(judge(tour)).rejects.toThrow("not a tour through every capital once");
  });

  it("proves that one of the tours is the shortest, and lets a longer one go on", async () => {
    const verdicts = await Promise.all(
      [
        [0, 1, 2, 3, 4],
        [0, 2, 4, 1, 3],
        [0, 1, 3, 2, 4],
        [0, 3, 1, 2, 4],
      ].map(judge),
    );
    expect(new Set(verdicts.map(({ confidence }) => confidence)).size).toBeGreaterThan(1);
    for (const { isComplete, canContinue, confidence } of verdicts) {
      expect([isComplete, canContinue]).toEqual([confidence === 1, confidence < 1]);
    }
  });
});
