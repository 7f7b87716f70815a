import { setImmediate } from "node:timers/promises";
import { type ExecutionScope, NonRetryableError } from "../../src/index.ts";
import { seededRandom } from "../../src/testing/index.ts";
import { lowerBoundKm } from "./bound.ts";
import { type Distances, greatCircleDistances } from "./distances.ts";
import type { Area } from "./regions.ts";
import { improveOnce, initialTour, isTour, lengthKm, type Tour } from "./tour.ts";

/** What an execution gets: a tour through all capitals of `area`, improved from the tour that begins in the country `from`. */
export interface TourRequest {
  readonly area: string;
  readonly from: string;
}

/** What it reports after every round. */
export interface TourProgress {
  readonly start: string;
  readonly round: number;
  readonly lengthKm: number;
  /** How much longer than the bound, as a share of the bound; 0 = no tour is shorter. */
  readonly gap: number;
  readonly firstGap: number;
  readonly boundKm: number;
}

/** What it returns: the last progress, and the way. */
export interface FoundTour extends TourProgress {
  readonly capitals: readonly string[];
}

/** A gap below this is rounding: no tour is shorter. */
export const provenGap = 1e-9;

/** An orchestrator is an async function: input in, result out, and the scope to report progress and to hear of a cancel. */
export function createTourOrchestrator(areas: readonly Area[]) {
  const areasByName = new Map(areas.map((area) => [area.name, area]));
  const measured = new Map<string, { distances: Distances; boundKm: number }>();

  return async function findTour(request: TourRequest, { signal, progress }: ExecutionScope): Promise<FoundTour> {
    const area = areasByName.get(request.area);
    // No second attempt could make a capital appear, so these errors say that none is worth it.
    if (area === undefined) throw new NonRetryableError(`there is no area ${request.area}`);
    const { name, capitals, unreachable } = area;
    const start = capitals.findIndex(({ country }) => country === request.from);
    if (start < 0)
      throw new NonRetryableError(`no tour can begin in ${request.from}: ${unreachable.get(request.from) ?? `it is not in ${name}`}`);
    if (capitals.length < 3) throw new NonRetryableError(`a round trip needs three capitals, and ${name} has ${capitals.length}`);

    const { distances, boundKm } = measuredOnce(area);
    const random = seededRandom(start);
    let tour = initialTour(distances, start);
    const firstGap = verifiedGap(tour, distances, boundKm);

    for (let round = 0, roundsWithoutGain = 0; ; round += 1) {
      const gap = verifiedGap(tour, distances, boundKm);
      const report = { start: nameOf(area, start), round, lengthKm: lengthKm(tour, distances), gap, firstGap, boundKm };
      progress(report);
      if (report.gap < provenGap || roundsWithoutGain === distances.size) {
        return { ...report, capitals: tour.map((place) => nameOf(area, place)) };
      }

      // A round is pure computing: between two of them the other executions, the display and Ctrl-C get their turn. Throws once cancelled.
      await setImmediate(undefined, { signal });
      const next = improveOnce(tour, distances, random);
      roundsWithoutGain = next === tour ? roundsWithoutGain + 1 : 0;
      tour = next;
    }
  };

  /** The bound does not depend on the start, so the first execution of an area computes it for all. */
  function measuredOnce(area: Area): { distances: Distances; boundKm: number } {
    let measures = measured.get(area.name);
    if (measures === undefined) {
      const distances = greatCircleDistances(area.capitals);
      measures = { distances, boundKm: lowerBoundKm(distances) };
      measured.set(area.name, measures);
    }
    return measures;
  }
}

/** The bound knows nothing of tours; so a tour below it, or one that misses a capital, shows a bug here. */
function verifiedGap(tour: Tour, distances: Distances, boundKm: number): number {
  if (!isTour(tour, distances.size)) throw new NonRetryableError("bug: this is not a tour through every capital once");
  const gap = lengthKm(tour, distances) / boundKm - 1;
  if (gap < -provenGap)
    throw new NonRetryableError(`bug: a tour of ${lengthKm(tour, distances)} km is shorter than its lower bound of ${boundKm} km`);
  return Math.max(0, gap);
}

function nameOf(area: Area, place: number): string {
  return area.capitals[place]!.name;
}
