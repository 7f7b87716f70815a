import { createSystemClock } from "../../src/core/system-clock.ts";
import type { Clock } from "../../src/ports/clock.ts";

/** The time of day stands still until it is moved; timers are real, for what needs them meanwhile. */
export interface ShiftedClock extends Clock {
  move(ms: number): void;
}

export function createShiftedClock(start = 1_700_000_000_000): ShiftedClock {
  let now = start;
  return {
    ...createSystemClock(),
    now: () => now,
    move: (ms) => {
      now += ms;
    },
  };
}
