import { lowerBoundKm } from "./bound.ts";
import { type Distances, greatCircleDistances } from "./distances.ts";
import type { Area } from "./regions.ts";

/** An area with what all tours through it have in common. */
export interface MeasuredArea {
  readonly area: Area;
  readonly distances: Distances;
  /** No tour is shorter. */
  readonly boundKm: number;
}

/** Gives an area by its name. Measures each area once, when it is first asked for; undefined for an area that nobody knows. */
export type Atlas = (name: string) => MeasuredArea | undefined;

export function createAtlas(areas: readonly Area[]): Atlas {
  const areasByName = new Map(areas.map((area) => [area.name, area]));
  const measured = new Map<string, MeasuredArea>();
  return (name) => {
    const area = areasByName.get(name);
    if (area === undefined || measured.has(name)) return measured.get(name);
    const distances = greatCircleDistances(area.capitals);
    const measures = { area, distances, boundKm: area.capitals.length < 3 ? 0 : lowerBoundKm(distances) };
    measured.set(name, measures);
    return measures;
  };
}
