import { describe, expect, it } from "vitest";
import { greatCircleDistances } from "../../../../examples/capital-tours/distances.ts";
import { improveOnce, initialTour, isTour, lengthKm, type Tour } from "../../../../examples/capital-tours/tour.ts";
import { seededRandom } from "../../../../src/testing/index.ts";
import { randomMap, shortestKm } from "./small-maps.ts";

const equator = greatCircleDistances([0, 40, 10, 90, 30].map((longitude) => ({ latitude: 0, longitude })));

describe("a tour", () => {
  it("begins by always going to the nearest place left", () => {
    expect(initialTour(equator, 0)).toEqual([0, 2, 4, 1, 3]);
    expect(initialTour(equator, 1)).toEqual([1, 4, 2, 0, 3]);
  });

  it("is as long as its legs and the way back", () => {
    const degreeKm = 111.195;
    expect(lengthKm([0, 2, 4, 1, 3], equator)).toBeCloseTo(180 * degreeKm, 0);
  });

  it("is refused when a place is missing, there twice or unknown", () => {
    expect(isTour([2, 0, 1], 3)).toBe(true);
    for (const wrong of [
      [0, 1],
      [0, 1, 1],
      [0, 1, 3],
      [0, 1, -1],
      [0, 1, 1.5],
    ])
      expect(isTour(wrong, 3)).toBe(false);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("stays a tour from the same start and never grows longer, round by round (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const distances = randomMap(3 + Math.floor(random() * 30), random);
    const start = Math.floor(random() * distances.size);
    let tour = initialTour(distances, start);
    for (let round = 0; round < 30; round += 1) {
      const next = improveOnce(tour, distances, random);
      expect(isTour(next, distances.size)).toBe(true);
      expect(next[0]).toBe(start);
      if (next !== tour) expect(lengthKm(next, distances)).toBeLessThan(lengthKm(tour, distances));
      tour = next;
    }
  });

  it.each([1, 2, 3, 4, 5, 6])("of eight places becomes the shortest there is, from any start (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const distances = randomMap(8, random);
    const lengths = [0, 1, 2, 3, 4, 5, 6, 7].map((start) =>
      lengthKm(improved(initialTour(distances, start), distances, random), distances),
    );
    expect(Math.min(...lengths)).toBeCloseTo(shortestKm(distances), 6);
  });

  it("is the same for the same seed", () => {
    const distances = randomMap(40, seededRandom(7));
    const find = () => improved(initialTour(distances, 3), distances, seededRandom(11));
    expect(find()).toEqual(find());
  });
});

function improved(tour: Tour, distances: Parameters<typeof improveOnce>[1], random: () => number): Tour {
  let best = tour;
  for (let round = 0; round < 40; round += 1) best = improveOnce(best, distances, random);
  return best;
}
