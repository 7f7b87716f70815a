import { expect, it } from "vitest";
import { InvalidOptionsError } from "../../../src/model/errors.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";

const draw = (seed: number, count: number) => Array.from({ length: count }, seededRandom(seed));

it("the same seed gives the same numbers, another seed gives others", () => {
  expect(draw(7, 100)).toEqual(draw(7, 100));
  const firsts = [0, 1, -1, 2, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), Number.MAX_SAFE_INTEGER].map((seed) => draw(seed, 1)[0]);
  expect(new Set(firsts).size).toBe(firsts.length);
});

it("the numbers of a seed never change between releases", () => {
  expect(draw(42, 3).map((number) => number * 2 ** 32)).toEqual([1264412219, 1947509147, 3919439299]);
});

it("numbers are from 0 up to but not including 1, spread evenly", () => {
  const buckets = new Array<number>(10).fill(0);
  for (const number of draw(3, 100_000)) {
    expect(number >= 0 && number < 1).toBe(true);
    buckets[Math.floor(number * 10)]! += 1;
  }
  // Ten standard deviations; the seed is fixed, so this passes always or never.
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(950);
});

it.each([[0.5], [Number.NaN], [2 ** 53]])("the seed %s is refused", (seed) => {
  expect(() => seededRandom(seed)).toThrow(InvalidOptionsError);
});
