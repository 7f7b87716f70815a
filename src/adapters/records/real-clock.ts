import type { Clock } from "../../ports/clock.ts";

/** The default clock of adapters, which may not import the core's. */
export function createRealClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimeout: (run, delayMs, background = false) => {
      const timer: unknown = setTimeout(run, delayMs);
      if (background && typeof timer === "object" && timer !== null && "unref" in timer) (timer as { unref(): void }).unref();
      return timer;
    },
    clearTimeout: (timer) => clearTimeout(timer as Parameters<typeof clearTimeout>[0]),
  };
}
