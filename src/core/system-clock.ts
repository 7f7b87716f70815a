import type { Clock } from "../ports/clock.ts";

/** The longest delay that engines take; a longer one fires at once. */
const maxTimerMs = 2 ** 31 - 1;

type EngineTimer = ReturnType<typeof setTimeout>;

/** A long timer is a chain of short ones; this is the one that runs. */
interface LongTimer {
  current: EngineTimer;
}

/** Chance, where a test brings none of its own. */
export const systemRandom: () => number = Math.random;

/** The machine's own time. The only place of the library that touches real timers. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonicNow: () => performance.now(),
    setTimeout: (run, delayMs, background = false) =>
      delayMs <= maxTimerMs ? shortTimer(run, delayMs, background) : longTimer(run, delayMs, background),
    clearTimeout: (timer) => {
      const engineTimer = isLong(timer) ? timer.current : timer;
      clearTimeout(engineTimer as EngineTimer | undefined);
    },
    // Not every engine has it.
    ...(typeof setImmediate === "function" && { setImmediate: (run: () => void) => void setImmediate(run) }),
  };
}

function shortTimer(run: () => void, delayMs: number, background: boolean): EngineTimer {
  const timer = setTimeout(run, delayMs);
  // Only Node's timers keep the process alive, and only they are objects.
  if (background && typeof timer === "object") timer.unref();
  return timer;
}

function longTimer(run: () => void, delayMs: number, background: boolean): LongTimer {
  const goOn = (leftMs: number): EngineTimer => {
    if (leftMs <= maxTimerMs) return shortTimer(run, leftMs, background);
    const next = () => {
      timer.current = goOn(leftMs - maxTimerMs);
    };
    return shortTimer(next, maxTimerMs, background);
  };
  const timer: LongTimer = { current: goOn(delayMs) };
  return timer;
}

function isLong(timer: unknown): timer is LongTimer {
  return typeof timer === "object" && timer !== null && "current" in timer;
}
