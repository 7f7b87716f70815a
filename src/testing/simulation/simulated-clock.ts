import type { Clock } from "../../ports/clock.ts";
import type { Course } from "./course.ts";

class ProcessTimer {
  run: (() => void) | undefined;
  worldTimer: unknown;

  constructor(run: () => void) {
    this.run = run;
  }
}

/** What a process sees of time: its own wall clock, a monotonic clock that may run fast or slow, and no timers while it stands still. */
export class ProcessClock implements Clock {
  readonly #course: Course;
  readonly #rate: number;
  readonly #enter: (run: () => void) => void;
  readonly #timers = new Set<ProcessTimer>();
  readonly #bornAt: number;
  #offset = 0;

  constructor(course: Course, rate: number, enter: (run: () => void) => void) {
    this.#course = course;
    this.#rate = rate;
    this.#enter = enter;
    this.#bornAt = course.elapsedMs;
  }

  now(): number {
    return this.#course.clock.now() + this.#offset;
  }

  monotonicNow(): number {
    return (this.#course.elapsedMs - this.#bornAt) * this.#rate;
  }

  setTimeout(run: () => void, delayMs: number): unknown {
    const timer = new ProcessTimer(run);
    // Whole milliseconds of the world, as machines have them.
    const worldMs = delayMs > 0 ? Math.max(1, Math.ceil(delayMs / this.#rate)) : 0;
    this.#timers.add(timer);
    timer.worldTimer = this.#course.clock.setTimeout(() => this.#enter(() => this.#ring(timer)), worldMs);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    if (!(timer instanceof ProcessTimer)) return;
    timer.run = undefined;
    this.#timers.delete(timer);
    this.#course.clock.clearTimeout(timer.worldTimer);
  }

  /** Somebody sets its wall clock. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  /** Its process is gone. */
  stop(): void {
    for (const timer of [...this.#timers]) this.clearTimeout(timer);
  }

  #ring(timer: ProcessTimer): void {
    const { run } = timer;
    this.clearTimeout(timer);
    run?.();
  }
}
