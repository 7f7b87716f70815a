import { setImmediate } from "node:timers/promises";
import { type ExecutorScope, NonRetryableError, type RunRequest, type StepResult } from "../../src/index.ts";
import { seededRandom } from "../../src/testing/index.ts";
import type { Atlas } from "./atlas.ts";
import { improveOnce, initialTour, lengthKm, type Tour } from "./tour.ts";

/** What is asked for: a short tour through all capitals of `area` that begins in the country `from`. The prompt is the goal in words. */
export interface TourRequest extends RunRequest {
  readonly area: string;
  readonly from: string;
}

/** What a pass gives. The output is text, as from any executor: a `TourOutput` as JSON. */
export interface TourStep extends StepResult {
  readonly capitals: readonly string[];
}

/** Where a tour stands: enough to judge it, and to go on from it in the next pass. */
export interface TourOutput {
  readonly area: string;
  readonly tour: Tour;
  readonly round: number;
}

/** What is told after every round, long before the pass is over. */
export interface RoundReport {
  readonly area: string;
  readonly start: string;
  readonly round: number;
  readonly lengthKm: number;
}

/**
 * An executor does one pass of the work: here it takes the tour of the pass before and improves it for a round per five capitals. It keeps
 * nothing between two passes, so any of them can be the first one after a restart.
 */
export function createTourExecutor(atlas: Atlas) {
  return async function improveTour(request: TourRequest, { signal, context, onOutput }: ExecutorScope): Promise<TourStep> {
    const { area, distances } = atlas(request.area) ?? missing(`there is no area ${request.area}`);
    const { name, capitals, unreachable } = area;
    const start = capitals.findIndex(({ country }) => country === request.from);
    if (start < 0) missing(`no tour can begin in ${request.from}: ${unreachable.get(request.from) ?? `it is not in ${name}`}`);
    if (capitals.length < 3) missing(`a round trip needs three capitals, and ${name} has ${capitals.length}`);

    const before = context.previousOutputs.at(-1);
    let { tour, round } = before === undefined ? { tour: initialTour(distances, start), round: 0 } : (JSON.parse(before) as TourOutput);
    const random = seededRandom(start * 10_000 + round);
    const tellRound = () => {
      const report: RoundReport = { area: name, start: capitals[start]!.name, round, lengthKm: lengthKm(tour, distances) };
      onOutput(JSON.stringify(report));
    };

    tellRound();
    for (const lastRound = round + Math.ceil(capitals.length / 5); round < lastRound; ) {
      // A round is pure computing: between two of them the other executions, the display and Ctrl-C get their turn. Throws once cancelled.
      await setImmediate(undefined, { signal });
      tour = improveOnce(tour, distances, random);
      round += 1;
      tellRound();
    }
    const output: TourOutput = { area: name, tour, round };
    return { success: true, output: JSON.stringify(output), capitals: tour.map((place) => capitals[place]!.name) };
  };
}

/** No second try could make a capital appear, so these errors say that none is worth it. */
function missing(what: string): never {
  throw new NonRetryableError(what);
}
