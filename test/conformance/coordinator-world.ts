import { UnknownWordError } from "./conformance-case.ts";
import { HarnessClock } from "./harness-clock.ts";
import {
  type Coordinator,
  createCoordinator,
  type ExecutionEvent,
  type ExecutionStatus,
  type StartOptions,
  type StepResult,
} from "./library.ts";
import { Forms } from "./matcher.ts";
import type { CaseRequest } from "./scripted-parts.ts";
import { type CaseOutcome, StartedExecutions, type StartScripts } from "./started-executions.ts";
import type { Words } from "./words.ts";

/** A coordinator, the executors it runs, and labels instead of ids. */
export class CoordinatorWorld {
  readonly clock: HarnessClock;
  readonly coordinator: Coordinator<CaseRequest, CaseOutcome>;
  readonly executions: StartedExecutions;
  readonly #hasOracle: boolean;
  readonly #controllers = new Map<string, AbortController>();
  readonly #events: ExecutionEvent<CaseOutcome>[] = [];

  constructor(given: Words) {
    const executor = given.text("executor");
    if (executor !== "manual" && executor !== "scripted") throw given.unknown("executor");
    this.#hasOracle = given.flag("oracle") ?? false;
    this.clock = new HarnessClock({ now: given.number("clockStart") ?? 0 });
    this.executions = new StartedExecutions(this.clock, executor === "manual");
    this.coordinator = this.create(given.number("maxConcurrent"), given.number("maxAttempts"));
    this.coordinator.on("*", (event) => this.#events.push(event));
  }

  create(maxConcurrent: number | undefined, maxAttempts?: number): Coordinator<CaseRequest, CaseOutcome> {
    return createCoordinator<CaseRequest, StepResult>({
      executor: { execute: (request, scope) => this.executions.execute(request, scope) },
      ...(this.#hasOracle && { oracle: { create: ({ executionId }) => this.executions.oracleOf(executionId) } }),
      maxQueued: 0,
      clock: this.clock,
      ...(maxConcurrent !== undefined && { maxConcurrent }),
      ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
    });
  }

  async start(label: string, prompt: string, options: StartOptions, scripts: StartScripts): Promise<void> {
    this.executions.add(label, prompt, scripts);
    try {
      this.executions.accepted(label, await this.coordinator.start({ id: label, prompt, label }, options));
    } catch (error) {
      this.executions.refused(label);
      throw error;
    }
  }

  /** The record as cases write it; null for an unknown id. */
  shown(label: string): unknown {
    const info = this.coordinator.getStatus(this.executions.idOf(label));
    return info === undefined ? null : this.executions.shown(info);
  }

  list(status: string | undefined): unknown {
    return this.coordinator
      .list(status === undefined ? {} : { status: status as ExecutionStatus })
      .items.map((info) => this.executions.shown(info));
  }

  count(status: string | undefined): number {
    const counts = this.coordinator.counts();
    if (status !== undefined && !Object.hasOwn(counts, status)) throw new UnknownWordError(`status ${status}`, Object.keys(counts));
    return counts[(status ?? "total") as ExecutionStatus];
  }

  abortController(name: string): AbortController {
    const controller = this.#controllers.get(name) ?? new AbortController();
    this.#controllers.set(name, controller);
    return controller;
  }

  eventOwners(): unknown {
    const sequences = new Map<string, number>();
    let rising = true;
    for (const { executionId, sequence } of this.#events) {
      rising &&= sequence > (sequences.get(executionId) ?? Number.NEGATIVE_INFINITY);
      sequences.set(executionId, sequence);
    }
    const owners = [...sequences.keys()].map((id) => this.executions.labelOf(id));
    return {
      eachHasExecutionId: this.#events.length > 0 && this.#events.every(({ executionId }) => this.executions.isKnown(executionId)),
      seqStrictlyIncreasingPerExecution: this.#events.length > 0 && rising,
      owners: new Forms(owners, owners.toSorted(), owners.length),
    };
  }

  /** Nothing of the case goes on after it. */
  async end(): Promise<void> {
    await this.clock.until(this.coordinator.close({ mode: "cancel", deadlineMs: 1 }));
  }
}
