import type { ExecutionEvent } from "../../src/index.ts";
import type { Atlas } from "./atlas.ts";
import type { RoundReport, TourOutput } from "./improve-tour.ts";
import { lengthKm } from "./tour.ts";
import type { TourInfo } from "./tour-job.ts";

/** How far a tour has come. */
export interface TourProgress {
  readonly start: string;
  readonly iteration: number;
  readonly round: number;
  readonly lengthKm: number;
  /** How much longer than the bound, as a share of the bound; 0 = no tour is shorter. */
  readonly gap: number;
  readonly firstGap: number;
  readonly boundKm: number;
}

/** Keeps, by the ids of their executions, how far the tours have come. */
export function followTours(atlas: Atlas) {
  const tours = new Map<string, TourProgress>();

  function keep(id: string, { area, start, round, lengthKm }: RoundReport, iteration: number): void {
    const { boundKm } = atlas(area)!;
    const gap = Math.max(0, lengthKm / boundKm - 1);
    const firstGap = tours.get(id)?.firstGap ?? gap;
    tours.set(id, { start, iteration, round, lengthKm, gap, firstGap, boundKm });
  }

  /** Wants to hear every event. */
  function hear({ executionId, ...told }: ExecutionEvent): void {
    if (told.type !== "execution.reported" || told.event.type !== "taskOutput") return;
    keep(executionId, JSON.parse(told.event.chunk) as RoundReport, told.event.iteration);
  }

  /** Takes from its result what another process has found. */
  function recall({ id, result }: TourInfo): void {
    if (tours.has(id) || result?.finalOutput === undefined) return;
    const { area, tour, round } = JSON.parse(result.finalOutput) as TourOutput;
    const { distances, area: known } = atlas(area)!;
    keep(id, { area, round, start: known.capitals[tour[0]!]!.name, lengthKm: lengthKm(tour, distances) }, result.iterations);
  }

  return { tours: tours as ReadonlyMap<string, TourProgress>, hear, recall };
}
