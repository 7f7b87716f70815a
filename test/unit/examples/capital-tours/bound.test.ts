import { describe, expect, it } from "vitest";
import { lowerBoundKm } from "../../../../examples/capital-tours/bound.ts";
import { greatCircleDistances } from "../../../../examples/capital-tours/distances.ts";
import { seededRandom } from "../../../../src/testing/index.ts";
import { randomMap, shortestKm } from "./small-maps.ts";

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe("the lower bound", () => {
  it.each(seeds)("is never above the shortest tour, and close below it (seed %i)", (seed) => {
    const random = seededRandom(seed);
    const distances = randomMap(3 + (seed % 6), random);
    const shortest = shortestKm(distances);
    const bound = lowerBoundKm(distances);
    expect(bound).toBeLessThanOrEqual(shortest * (1 + 1e-12));
    expect(bound).toBeGreaterThan(shortest * 0.9);
  });

  it("is exact where the way is clear: around the equator", () => {
    const distances = greatCircleDistances([0, 60, 120, 180, 240, 300].map((longitude) => ({ latitude: 0, longitude })));
    expect(lowerBoundKm(distances)).toBeCloseTo(2 * Math.PI * 6371.0088, 6);
  });

  it("is the length of the only tour through three places", () => {
    const distances = randomMap(3, seededRandom(5));
    expect(lowerBoundKm(distances)).toBeCloseTo(shortestKm(distances), 6);
  });
});
