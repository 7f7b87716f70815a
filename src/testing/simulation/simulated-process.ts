import { createDurableCoordinator, type DurableCoordinator } from "../../core/durable-coordinator.ts";
import type { DurableCoordinatorOptions } from "../../core/durable-options.ts";
import type { AnyOrchestrator } from "../../core/orchestrator.ts";
import type { ExecutionStore } from "../../ports/execution-store.ts";
import type { Course } from "./course.ts";
import { ProcessClock } from "./simulated-clock.ts";

type Held = { readonly run: () => void; readonly from: "inside" | "timer" | "outside" };

/** What a process is made with. */
export interface ProcessOptions {
  /** Unique in the run. */
  readonly name: string;
  readonly rate: number;
  connect(process: SimulatedProcess): ExecutionStore;
  configure(process: SimulatedProcess): Omit<DurableCoordinatorOptions<AnyOrchestrator>, "store" | "clock" | "random" | "generateId">;
}

/**
 * An operating system's process with a coordinator in it. Everything that reaches it (timers, answers, notices) and everything that leaves
 * it goes through here, so that it can die and stand still: what it does to itself is of no concern to others.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly clock: ProcessClock;
  readonly coordinator: DurableCoordinator<unknown, unknown>;
  readonly #course: Course;
  readonly #whenDead: (() => void)[] = [];
  #held: Held[] = [];
  #isDead = false;
  #isPaused = false;
  #wokenAt = Number.NEGATIVE_INFINITY;
  #pausedBy = 0;

  constructor(course: Course, { name, rate, connect, configure }: ProcessOptions) {
    this.name = name;
    this.#course = course;
    this.clock = new ProcessClock(course, rate, (run) => this.#enter(run, "timer"));
    const dice = course.dice.fork();
    let ids = 0;
    this.coordinator = createDurableCoordinator({
      ...configure(this),
      store: connect(this),
      clock: this.clock,
      random: () => dice.next(),
      generateId: () => `${name}:${++ids}`,
    } as DurableCoordinatorOptions<AnyOrchestrator>) as DurableCoordinator<unknown, unknown>;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Neither dead, nor standing still, nor at the instant at which it wakes and has not yet looked at its clock. */
  get isAwake(): boolean {
    return !this.#isDead && !this.#isPaused && this.#course.elapsedMs > this.#wokenAt;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Something reaches it from outside, now or when it goes on. */
  reach(run: () => void): void {
    this.#enter(run, "outside");
  }

  /** It does something that others see, now or when it goes on. */
  leave(run: () => void): void {
    this.#enter(run, "inside");
  }

  /** It never does anything again. */
  crash(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#held = [];
    this.clock.stop();
    for (const run of this.#whenDead.splice(0)) run();
  }

  whenDead(run: () => void): void {
    if (this.#isDead) run();
    else this.#whenDead.push(run);
  }

  pause(ms: number): void {
    if (this.#isDead) return;
    this.#isPaused = true;
    this.#pausedBy += 1;
    this.#course.clock.setTimeout(() => {
      this.#pausedBy -= 1;
      if (this.#pausedBy === 0) this.wake();
    }, ms);
  }

  wake(): void {
    if (!this.#isPaused || this.#isDead) return;
    this.#course.note(this.name, () => "goes on");
    this.#isPaused = false;
    this.#wokenAt = this.#course.elapsedMs;
    const held = this.#held;
    this.#held = [];
    // What it was about to do comes first; then its timers and what has arrived, in an order that nobody promises.
    const order = this.#course.dice.pick([
      ["inside", "timer", "outside"],
      ["inside", "outside", "timer"],
    ] as const);
    for (const from of order)
      for (const item of held) if (item.from === from) this.#course.clock.setTimeout(() => this.#enter(item.run, from), 0);
  }

  #enter(run: () => void, from: Held["from"]): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#held.push({ run, from });
    else run();
  }
}
