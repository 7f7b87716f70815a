import { type OracleFunction, verdict } from "../../src/index.ts";
import type { Atlas } from "./atlas.ts";
import type { TourOutput } from "./improve-tour.ts";
import { isTour, lengthKm } from "./tour.ts";

/** A gap below this is rounding: no tour is shorter. */
export const provenGap = 1e-9;

/**
 * An oracle judges an output without knowing how it was made: here against a bound that no tour can be shorter than. How near is near enough
 * is up to the settings of the run, `confidence.min_threshold`: 1 asks for a proof that no tour is shorter, 0.99 for at most one percent more.
 */
export function createTourOracle(atlas: Atlas): OracleFunction {
  return async function judgeTour({ output, config }) {
    const { area, tour } = JSON.parse(output) as TourOutput;
    const { distances, boundKm } = atlas(area)!;
    // What an oracle throws is told as `oracleError`. These two are never the tour's fault.
    if (!isTour(tour, distances.size)) throw new Error("bug: this is not a tour through every capital once");
    const gap = lengthKm(tour, distances) / boundKm - 1;
    if (gap < -provenGap)
      throw new Error(`bug: a tour of ${lengthKm(tour, distances)} km is shorter than its lower bound of ${boundKm} km`);

    const closeness = gap < provenGap ? 1 : 1 / (1 + gap);
    const analysis = closeness === 1 ? "no tour is shorter" : `at most ${(gap * 100).toFixed(2)}% longer than the shortest tour`;
    return closeness >= config.orchestration.confidence.minThreshold
      ? verdict.goalAchieved(analysis, closeness)
      : verdict.progress(analysis, closeness);
  };
}
