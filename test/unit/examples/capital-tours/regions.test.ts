import { describe, expect, it } from "vitest";
import { greatCircleDistances } from "../../../../examples/capital-tours/distances.ts";
import { loadAreas } from "../../../../examples/capital-tours/regions.ts";

const areas = loadAreas();
const world = areas[0]!;

describe("the areas", () => {
  it("are the world, six continents and their subregions, each country in all that hold it or among the unreachable", () => {
    expect(areas.map(({ level }) => level).filter((level) => level < 2)).toEqual([0, 1, 1, 1, 1, 1, 1]);
    for (const level of [0, 1]) {
      const ofLevel = areas.filter((area) => area.level === level);
      expect(ofLevel.reduce((sum, area) => sum + area.capitals.length, 0)).toBe(240);
      expect(ofLevel.reduce((sum, area) => sum + area.unreachable.size, 0)).toBe(10);
    }
  });

  it("have at most four starts, each a country of the area", () => {
    for (const { outermost, capitals, unreachable } of areas) {
      expect(outermost.length).toBeLessThanOrEqual(4);
      for (const name of outermost) expect(unreachable.has(name) || capitals.some(({ country }) => country === name)).toBe(true);
    }
  });

  it("know where the capitals lie: known great-circle distances come out within 1 %", () => {
    const known: [string, string, number][] = [
      ["London", "Paris", 344],
      ["Tokyo", "Washington D.C.", 10_910],
      ["Canberra", "Wellington", 2_325],
      ["Suva", "Apia", 1_146],
    ];
    for (const [from, to, expectedKm] of known) {
      const pair = [from, to].map((name) => world.capitals.find((capital) => capital.name === name)!);
      expect(greatCircleDistances(pair).km[1]! / expectedKm).toBeCloseTo(1, 2);
    }
  });
});
