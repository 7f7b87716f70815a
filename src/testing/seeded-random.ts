import { InvalidOptionsError } from "../model/errors.ts";

/**
 * A replacement for `Math.random` that gives the same numbers for the same seed, on every machine. The seed is any safe integer. Not for
 * secrets.
 *
 * The generator is sfc32 by Chris Doty-Humphrey (PractRand; public domain); its first 12 numbers are thrown away, to mix the seed in.
 *
 * @example
 * ```ts
 * const random = seededRandom(42);
 * const coordinator = createCoordinator({ orchestrator, random });
 * ```
 */
export function seededRandom(seed: number): () => number {
  if (!Number.isSafeInteger(seed)) throw new InvalidOptionsError({ field: "seed", expected: "a safe integer", received: seed });
  let a = 0;
  let b = seed | 0;
  let c = Math.floor(seed / 2 ** 32) | 0;
  let counter = 1;

  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };

  for (let drawn = 0; drawn < 12; drawn++) next();
  return next;
}
