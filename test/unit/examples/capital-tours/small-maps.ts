import { type Distances, greatCircleDistances } from "../../../../examples/capital-tours/distances.ts";
import { lengthKm, type Tour } from "../../../../examples/capital-tours/tour.ts";

/** `size` places anywhere on the globe. */
export function randomMap(size: number, random: () => number): Distances {
  return greatCircleDistances(Array.from({ length: size }, () => ({ latitude: random() * 180 - 90, longitude: random() * 360 - 180 })));
}

/** The length of the shortest tour, by trying every tour. */
export function shortestKm(distances: Distances): number {
  let shortest = Number.POSITIVE_INFINITY;
  const extend = (tour: Tour): void => {
    if (tour.length === distances.size) shortest = Math.min(shortest, lengthKm(tour, distances));
    for (let place = 1; place < distances.size; place += 1) if (!tour.includes(place)) extend([...tour, place]);
  };
  extend([0]);
  return shortest;
}
