import type { ExecutionEvent } from "../../src/index.ts";
import type { Atlas } from "./atlas.ts";
import type { RoundReport } from "./improve-tour.ts";

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

/** Keeps, by the ids of their executions, how far the tours have come. `hear` wants to hear every event. */
export function followTours(atlas: Atlas) {
  const tours = new Map<string, TourProgress>();
  function hear({ executionId, ...told }: ExecutionEvent): void {
    if (told.type !== "execution.reported" || told.event.type !== "taskOutput") return;
    const { area, start, round, lengthKm } = JSON.parse(told.event.chunk) as RoundReport;
    const { boundKm } = atlas(area)!;
    const gap = Math.max(0, lengthKm / boundKm - 1);
    const firstGap = tours.get(executionId)?.firstGap ?? gap;
    tours.set(executionId, { start, iteration: told.event.iteration, round, lengthKm, gap, firstGap, boundKm });
  }
  return { tours: tours as ReadonlyMap<string, TourProgress>, hear };
}
