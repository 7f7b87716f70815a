import { describe, expect, test } from "vitest";
import { makeFaultyCopy } from "../model/mutants/faulty-copy.ts";
import { durableFaults } from "./mutants.ts";
import { runSeeds } from "./seeds.ts";

/** A fault that is not caught by then is not caught. */
const mostRuns = 2_000;

describe("a fault in the durable coordinator or its store is caught by simulation:", () => {
  // Always the same seeds: a fault that chance alone would find makes a test that fails by chance.
  test.each(durableFaults)("$name", async (fault) => {
    const { url, remove } = await makeFaultyCopy(fault, "src/testing/index.ts");
    try {
      const range = { module: url, first: fault.first ?? 1, runs: mostRuns, options: {} };
      const { failure } = await runSeeds(range, 1);
      expect(failure?.message).toMatch(/^seed \d+: /);
    } finally {
      await remove();
    }
  });
});
