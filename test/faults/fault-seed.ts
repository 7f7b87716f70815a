import { seededRandom } from "../../src/testing/seeded-random.ts";

/** In the name of each test that draws; `FAULT_SEED` repeats its draws, though not what the machine makes of them. */
export const faultSeed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** Draws between two numbers. */
export function drawer(): (from: number, to: number) => number {
  const random = seededRandom(faultSeed);
  return (from, to) => from + random() * (to - from);
}
