import type { Course } from "./course.ts";
import type { SimulatedLink } from "./simulated-link.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** What a worker needs to know of its run. */
export interface SimulatedWorkerOptions {
  readonly course: Course;
  readonly name: string;
  readonly link: SimulatedLink;
  /** Clocks run fast or slow. */
  readonly drifts: boolean;
  readonly leaseMs: number;
  readonly maxConcurrent: number;
  /** Processes are paused or clocks are set in this run, so that a lease may be over for its holder and not for the store. */
  readonly forsakesLeases: boolean;
  createProcess(name: string, role: "worker" | "both", workerId: string, link: SimulatedLink, rate: number): SimulatedProcess;
  /** The status of the execution in the store. */
  statusOf(id: string): string | undefined;
  /** The ids that the store says this process holds. */
  heldBy(process: SimulatedProcess): readonly string[];
}

/** A worker that is always there, in one process after the other, and what happens to it. */
export class SimulatedWorker {
  readonly link: SimulatedLink;
  readonly role: "worker" | "both";
  process: SimulatedProcess;
  isClosing = false;
  crashes = 0;
  pauses = 0;
  readonly #options: SimulatedWorkerOptions;
  readonly #rate: number;
  /** Whether its processes share one worker id. */
  readonly #keepsId: boolean;
  #lives = 1;
  /** The process whose user wants it to claim nothing. */
  #held: SimulatedProcess | undefined;

  constructor(options: SimulatedWorkerOptions) {
    const { course, name, link, drifts, createProcess } = options;
    const { dice } = course;
    this.#options = options;
    this.link = link;
    this.role = dice.pick(["worker", "both"] as const);
    this.#rate = drifts ? 0.97 + dice.int(0, 6) / 100 : 1;
    this.process = createProcess(`${name}.1`, this.role, name, link, this.#rate);
    this.#keepsId = dice.chance(0.3);
    this.#follow();
  }

  /** Its place is taken by another process. */
  restart(): void {
    if (!this.process.isDead) return;
    const { course, createProcess } = this.#options;
    this.#lives += 1;
    this.isClosing = false;
    const name = `${this.#options.name}.${this.#lives}`;
    course.note(name, () => "begins");
    this.process = createProcess(name, this.role, this.#keepsId ? this.#options.name : name, this.link, this.#rate);
    this.#follow();
  }

  crash(): void {
    const { process } = this;
    if (process.isDead) return;
    this.#options.course.note(process.name, () => "dies");
    process.crash();
    this.crashed();
  }

  /** Its process has died. */
  crashed(): void {
    const { course, leaseMs } = this.#options;
    this.crashes += 1;
    course.clock.setTimeout(() => this.restart(), course.dice.int(1, leaseMs * 2));
  }

  pause(): void {
    const { process } = this;
    const { course, leaseMs } = this.#options;
    if (process.isDead) return;
    const ms = course.dice.int(1, leaseMs * 2);
    course.note(process.name, () => `stands still for ${ms} ms`);
    this.pauses += 1;
    process.pause(ms);
  }

  /** Its user makes it claim nothing for a while. */
  hold(): void {
    const { process } = this;
    const { course } = this.#options;
    if (!process.isAwake || this.isClosing) return;
    course.note(process.name, () => "is told to claim nothing");
    process.coordinator.pause();
    if (course.dice.chance(0.5)) {
      process.coordinator.resume();
      process.coordinator.pause();
    }
    this.#held = process;
    course.clock.setTimeout(() => {
      if (this.#held === process) this.#held = undefined;
      process.coordinator.resume();
    }, 2_000);
  }

  /** Its process asks the store for work. */
  claims(): void {
    const { process } = this;
    if (process === this.#held) this.#options.course.fail(`${process.name} claims, and was told not to`);
  }

  /** Its user makes it run less at once. */
  narrow(): void {
    const { process } = this;
    const { course } = this.#options;
    if (!process.isAwake || this.isClosing) return;
    const maxConcurrent = course.dice.int(1, this.#options.maxConcurrent);
    course.note(process.name, () => `is told to run ${maxConcurrent} at most`);
    process.coordinator.setMaxConcurrent(maxConcurrent);
  }

  /** Its user waits until there is nothing to do. */
  drain(): void {
    const { process } = this;
    const { course } = this.#options;
    if (!process.isAwake || this.isClosing) return;
    const began = course.elapsedMs;
    void process.coordinator.drain().then(
      () => {
        const { running, queued, waiting } = process.coordinator.stats.getSnapshot().context;
        course.note(process.name, () => `is drained after ${course.elapsedMs - began} ms`);
        // A close that comes first ends the waiting, too.
        if (!process.isDead && !this.isClosing && running + queued + waiting > 0)
          course.fail(`${process.name} is drained, and has something to do`);
      },
      (error: unknown) => course.fail(`${process.name} could not be drained: ${error}`),
    );
  }

  close(): void {
    const { process } = this;
    if (!process.isAwake || this.isClosing) return;
    const { course, leaseMs, forsakesLeases } = this.#options;
    const { dice, clock } = course;
    this.isClosing = true;
    const mode = dice.pick(["release", "release", "drain", "drain", "cancel"] as const);
    const deadlineMs = dice.pick([0, 300, 2_000]);
    course.note(process.name, () => `closes: ${mode} within ${deadlineMs} ms`);
    const began = course.elapsedMs;
    void process.coordinator.close({ mode, deadlineMs }).then((report) => {
      if (process.isDead) return;
      course.note(process.name, () => `is closed: ${JSON.stringify(report)}`);
      const sinceMs = course.elapsedMs - began;
      if (!this.#keepsId && this.link.hasBeenGoodFor(sinceMs + leaseMs) && !forsakesLeases) this.#checkHoldsNothing();
      process.crash();
      clock.setTimeout(() => this.restart(), dice.int(1, 1_000));
    });
  }

  /** What it tells has happened has happened. */
  #follow(): void {
    const { process } = this;
    const { course, statusOf } = this.#options;
    const told = new Set<string>();
    process.coordinator.on("*", ({ type, executionId }) => {
      if (process.isDead) return;
      const [, fact] = type.split(".");
      if (fact !== "completed" && fact !== "failed" && fact !== "cancelled") return;
      if (told.has(executionId)) course.fail(`${process.name} told its end twice`, executionId);
      told.add(executionId);
      const status = statusOf(executionId);
      if (status !== fact) course.fail(`${process.name} told that it is ${fact}, and it is ${status}`, executionId);
    });
  }

  /** What it held is at its end, or back in the store, when it says that it is closed. */
  #checkHoldsNothing(): void {
    const { course, heldBy } = this.#options;
    for (const id of heldBy(this.process)) course.fail(`${this.process.name} is closed, and holds it`, id);
  }
}
