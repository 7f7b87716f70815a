import { expect, test } from "vitest";
import { SimulationFailure, type SimulationOptions, simulate } from "../../src/testing/index.ts";
import { runSeeds } from "./seeds.ts";

const module = new URL("../../src/testing/index.ts", import.meta.url).href;
const runs = Number(process.env.SIMULATED_RUNS ?? 5_000);

test(`${runs} runs with new seeds keep every promise`, { timeout: 600_000 }, async () => {
  const first = Math.floor(Math.random() * 2 ** 40);
  const { failure, sums, runs: ran } = await runSeeds({ module, first, runs, options: {} }, 2);
  expect(failure?.message).toBeUndefined();
  expect(ran).toBe(runs);
  // Where nothing goes wrong, nothing is shown.
  for (const key of ["completed", "failed", "cancelled", "takeovers", "crashes", "pauses", "refusedWrites", "effects"] as const)
    expect(sums[key], key).toBeGreaterThan(runs / 10);
});

test("the same seed gives the same run, to the letter", async () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
    const first = await simulate({ seed, trace: true });
    const second = await simulate({ seed, trace: true });
    expect(first.trace.length).toBeGreaterThan(20);
    expect(second).toEqual(first);
    const { trace: _, ...quiet } = await simulate({ seed });
    expect(first).toMatchObject(quiet);
  }
});

test("what is said counts, the rest is drawn", async () => {
  const report = await simulate({ seed: 3, workers: 1, executions: 4, faults: [] });
  expect(report).toMatchObject({ seed: 3, workers: 1, takeovers: 0, crashes: 0, pauses: 0, refusedWrites: 0, refusedEffects: 0 });
  expect(report.executions).toBeLessThanOrEqual(8);
  await expect(simulate({ seed: 1, faults: ["flood"] as unknown as [] })).rejects.toThrow(/faults\[0\]: expected one of delay,/);
  await expect(simulate({ seed: 0.5 })).rejects.toThrow(/seed/);
  await expect(simulate({ seed: 1, workers: 0 })).rejects.toThrow(/workers: expected a whole number >= 1/);
  await expect(simulate({ seed: 1, clock: 0 } as SimulationOptions)).rejects.toThrow(/clock/);
});

test("a failure shows its seed, the promise, and what led to it", () => {
  const failure = new SimulationFailure(7, "e1: its record is gone", ["1.000 s  store  …"], ["0.000 s  world  …", "1.000 s  store  …"]);
  expect(failure.message).toBe("seed 7: e1: its record is gone\n1.000 s  store  …");
  expect(failure).toMatchObject({ name: "SimulationFailure", seed: 7, broken: "e1: its record is gone" });
});
