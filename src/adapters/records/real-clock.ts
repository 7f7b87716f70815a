import type { Clock } from "../../ports/clock.ts";

/** The default clock of adapters, whose timers keep no process alive: a store or queue alone is no reason to go on. */
export function createRealClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimeout: (run, delayMs) => {
      const timer: unknown = setTimeout(run, delayMs);
      if (typeof timer === "object" && timer !== null && "unref" in timer) (timer as { unref(): void }).unref();
      return timer;
    },
    clearTimeout: (timer) => clearTimeout(timer as Parameters<typeof clearTimeout>[0]),
  };
}
