import { nanoid } from "nanoid";
import type { Clock } from "../ports/clock.ts";

/** In the order of their codes, so that texts sort as the numbers do. */
const digits = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const timeDigits = 8;
const randomDigits = 16;

/**
 * Makes ids that begin with the time, so that a database's index grows at its end: with random ids, each of many starts together writes a
 * page of its own. 96 bits of chance keep them apart.
 */
export function createIdGenerator(clock: Clock): () => string {
  let madeAt = Number.NaN;
  let prefix = "";
  return () => {
    const now = clock.now();
    if (now !== madeAt) {
      madeAt = now;
      prefix = toDigits(now);
    }
    return prefix + nanoid(randomDigits);
  };
}

/** Enough for 8 900 years since 1970. */
function toDigits(instant: number): string {
  let rest = Math.max(0, Math.floor(instant));
  let text = "";
  for (let digit = 0; digit < timeDigits; digit++) {
    text = digits.charAt(rest % 64) + text;
    rest = Math.floor(rest / 64);
  }
  return text;
}
