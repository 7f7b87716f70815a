import type { DurableStartOptions } from "../../core/durable-options.ts";
import {
  CoordinatorClosedError,
  ExecutionCancelledError,
  ExecutionFailedError,
  ExecutionTimeoutError,
  StartAbortedError,
} from "../../model/errors.ts";
import { ExecutionLostError, StoreUnavailableError } from "../../model/store-errors.ts";
import type { Course } from "./course.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { StoreWitness } from "./store-witness.ts";
import { drawPlan, type WorkPlan } from "./work-plan.ts";

/** What users do in a run: starts, signals, cancels, questions, at random moments; and whether they are told the truth. */
export interface ScenarioOptions {
  readonly course: Course;
  readonly witness: StoreWitness;
  readonly executions: number;
  readonly lastsMs: number;
  readonly isGrouped: boolean;
  /** Coordinators that a user can ask now, at least one. */
  askable(): readonly SimulatedProcess[];
}

export class Scenario {
  readonly #options: ScenarioOptions;
  readonly #plans: WorkPlan[];
  /** Executions whose start was acknowledged, by the id that was given. */
  readonly #acknowledged = new Set<string>();
  /** Executions that are there all or none. */
  #together: readonly string[] = [];
  /** Calls that have not been answered. */
  #open = 0;
  #notes = 0;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#plans = Array.from({ length: options.executions }, (_, index) => drawPlan(options.course.dice, `e${index + 1}`));
  }

  /** Sets what users will do. */
  schedule(): void {
    const { course, lastsMs } = this.#options;
    const { dice, clock } = course;
    const at = (share: number, run: () => void) => clock.setTimeout(run, dice.int(0, lastsMs * share));
    const together = dice.chance(0.2) ? this.#plans.splice(0, dice.int(2, 3)) : [];
    if (together.length > 0) at(0.5, () => this.#startTogether(together));
    for (const plan of [...this.#plans, ...together]) {
      const options = this.#drawOptions(plan);
      if (!together.includes(plan)) at(0.5, () => this.#start(plan, options));
      else if (options.idempotencyKey !== undefined) continue;
      if (options.idempotencyKey !== undefined) at(0.8, () => this.#start(plan, { ...options, id: `${plan.id}b` }));
      for (let note = dice.int(0, 4); note > 0; note--) at(1, () => this.send(plan.id));
      for (let cancel = dice.chance(0.2) ? dice.int(1, 2) : 0; cancel > 0; cancel--) at(1, () => this.#cancel(plan.id));
      if (dice.chance(0.5)) at(1, () => this.#await(plan.id));
      if (dice.chance(0.3)) at(1, () => this.#look(plan.id));
    }
  }

  /** Whether users wait for answers, beside those about ends. */
  get isWaiting(): boolean {
    return this.#open > 0;
  }

  /** What was promised to users and is not so. */
  checkAcknowledged(): void {
    for (const id of this.#acknowledged)
      if (!this.#options.witness.entries.has(id)) this.#options.course.fail("its start was acknowledged, and nobody knows it", id);
    const there = this.#together.filter((id) => this.#options.witness.entries.has(id));
    if (there.length > 0 && there.length < this.#together.length)
      this.#options.course.fail(`${this.#together} were started together, and only ${there} are there`);
  }

  /** Asks for its end, which has to come. */
  async awaitEnd(process: SimulatedProcess, id: string): Promise<void> {
    await this.#waitFor(process, id);
  }

  send(id: string): void {
    const { course, witness } = this.#options;
    const process = this.#user();
    const isNoise = course.dice.chance(0.15);
    const event = isNoise ? { type: "noise" } : { type: "note", n: ++this.#notes };
    const text = JSON.stringify(event);
    course.note("user", () => `sends ${text} to ${id} at ${process.name}`, [id]);
    const known = witness.entries.has(id);
    void this.#ask(process, process.coordinator.send(id, event), (result) => {
      const entry = witness.entries.get(id);
      if (result.accepted) {
        const isThere = entry?.signals.some(({ body }) => body === text) ?? false;
        if (!isThere) course.fail("a signal was acknowledged, and is not there", id);
      } else if (result.reason === "final" ? entry?.place !== "final" : known) {
        course.fail(`a signal was refused as ${result.reason}`, id);
      }
    });
  }

  #start(plan: WorkPlan, options: DurableStartOptions): void {
    const { course, witness } = this.#options;
    const process = this.#user();
    const id = options.id as string;
    course.note("user", () => `starts ${id} at ${process.name}: ${JSON.stringify({ ...options, stages: plan.stages })}`, [id]);
    const again = options.idempotencyKey !== undefined;
    const stop = new AbortController();
    if (course.dice.chance(0.05)) course.after(course.dice.int(0, 3_000), () => process.reach(() => stop.abort()));
    void this.#ask(
      process,
      process.coordinator.start(plan, { ...options, signal: stop.signal }),
      (given) => {
        this.#acknowledged.add(given);
        if (!witness.entries.has(given)) course.fail("its start was acknowledged, and nobody knows it", given);
        if (again) {
          const withKey = [...witness.entries.values()].filter(({ start }) => start.idempotencyKey === options.idempotencyKey);
          if (withKey.length !== 1 || withKey[0]?.id !== given) course.fail("a start was answered with the wrong execution", given);
        }
      },
      () => {
        // Nobody knows whether it was written; with a key, another start tells.
        if (again) course.after(500, () => this.#start(plan, options));
      },
    );
  }

  /** All of them or none. */
  #startTogether(plans: readonly WorkPlan[]): void {
    const { course, witness } = this.#options;
    const process = this.#user();
    const ids = plans.map(({ id }) => id);
    this.#together = ids;
    course.note("user", () => `starts together at ${process.name}: ${JSON.stringify(plans)}`, ids);
    const entries = plans.map((plan) => ({ input: plan, options: { id: plan.id } }));
    void this.#ask(process, process.coordinator.startMany(entries), (given) => {
      if (given.join() !== ids.join()) course.fail(`${ids} were started, and the answer is ${given}`);
      for (const id of given) this.#acknowledged.add(id);
      for (const id of given) if (!witness.entries.has(id)) course.fail("its start was acknowledged, and nobody knows it", id);
    });
  }

  #cancel(id: string): void {
    const { course, witness } = this.#options;
    const process = this.#user();
    const known = witness.entries.has(id);
    course.note("user", () => `cancels ${id} at ${process.name}`, [id]);
    void this.#ask(process, process.coordinator.cancel(id, "the user wanted it"), (accepted) => {
      const entry = witness.entries.get(id);
      if (accepted && entry?.cancelled !== true) course.fail("its cancel was acknowledged, and is not stored", id);
      if (!accepted && known && entry?.place !== "final") course.fail("its cancel was refused while it lives", id);
    });
  }

  #await(id: string): void {
    if (this.#options.witness.entries.has(id)) void this.#waitFor(this.#user(), id);
  }

  async #waitFor(process: SimulatedProcess, id: string): Promise<void> {
    const { course, witness } = this.#options;
    const is = (status: string, what: string) => {
      if (process.isDead) return;
      const entry = witness.entries.get(id);
      if (entry?.status !== status) course.fail(`waitFor said that it ${what}, and it is ${entry?.status}`, id);
    };
    course.note("user", () => `waits for ${id} at ${process.name}`, [id]);
    const { calm } = course;
    try {
      await process.coordinator.waitFor(id);
      is("completed", "has completed");
    } catch (error) {
      if (error instanceof ExecutionCancelledError) is("cancelled", "was cancelled");
      else if (error instanceof ExecutionFailedError || error instanceof ExecutionTimeoutError || error instanceof ExecutionLostError)
        is("failed", "has failed");
      else if (!this.#isForgivable(error, process, calm)) course.fail(`waitFor rejected with ${error}`, id);
    }
  }

  #look(id: string): void {
    const { course, witness } = this.#options;
    const process = this.#user();
    const known = witness.entries.get(id);
    const wasFinal = known?.place === "final";
    void this.#ask(process, process.coordinator.getStatus(id), (info) => {
      if (known !== undefined && info === undefined) course.fail("it was started, and getStatus does not know it", id);
      if (wasFinal && info?.status !== known.status) course.fail(`it is ${known.status}, and getStatus says ${info?.status}`, id);
      if (info?.status === "failed" && info.error === undefined) course.fail("it has failed without an error", id);
    });
  }

  async #ask<Result>(
    process: SimulatedProcess,
    asked: Promise<Result>,
    answered: (result: Result) => void,
    failed: () => void = () => {},
  ): Promise<void> {
    const { calm } = this.#options.course;
    let isOpen = true;
    const close = () => {
      if (isOpen) this.#open -= 1;
      isOpen = false;
    };
    this.#open += 1;
    process.whenDead(close);
    try {
      const result = await asked;
      if (!process.isDead) answered(result);
    } catch (error) {
      if (this.#isForgivable(error, process, calm)) failed();
      else this.#options.course.fail(`a user was told ${error}`);
    } finally {
      close();
    }
  }

  /** Whether it may be told of what was asked before or after the faults were over. */
  #isForgivable(error: unknown, process: SimulatedProcess, calm: boolean): boolean {
    if (error instanceof StoreUnavailableError) return !calm;
    return process.isDead || error instanceof CoordinatorClosedError || error instanceof StartAbortedError;
  }

  #user(): SimulatedProcess {
    return this.#options.course.dice.pick(this.#options.askable());
  }

  #drawOptions({ id }: WorkPlan): DurableStartOptions {
    const { course, isGrouped } = this.#options;
    const { dice } = course;
    const delayMs = dice.chance(0.2) ? dice.pick([1, 300, 3_000]) : 0;
    const group = isGrouped && dice.chance(0.7) ? dice.pick(["red", "blue"]) : undefined;
    const priority = dice.chance(0.3) ? dice.int(-1, 2) : 0;
    const timeoutMs = dice.chance(0.15) ? dice.pick([300, 2_000]) : undefined;
    const idempotencyKey = dice.chance(0.2) ? `key of ${id}` : undefined;
    const maxAttempts = dice.int(1, 4);
    return {
      id,
      retry: { maxAttempts, backoff: { type: "exponential", delayMs: dice.pick([0, 100, 1_000]) } },
      ...(delayMs > 0 && { delayMs }),
      ...(group !== undefined && { group }),
      ...(priority !== 0 && { priority }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
  }
}
