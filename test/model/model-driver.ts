import assert from "node:assert/strict";
import type { AnyOrchestrator, Coordinator, CoordinatorOptions, StartOptions } from "../../src/index.ts";
import { sequentialIds, VirtualClock } from "../../src/testing/index.ts";
import type { CoordinatorMaker } from "./coordinator-maker.ts";
import { createManualFunction, createManualMachine, type ManualWork, resultOf } from "./manual-work.ts";
import type { ModelPath } from "./model-paths.ts";
import { holders, isLive, type ModelCommand, type ModelExecution, type ModelSetup, type ModelState } from "./model-state.ts";
import { WatchedEnd } from "./watched-end.ts";

const tickMs = 1_000;

/** Takes each path with a coordinator of its own, and throws at the first step after which it is not what the model says. */
export async function checkPaths(createCoordinator: CoordinatorMaker, setup: ModelSetup, paths: Iterable<ModelPath>): Promise<void> {
  for (const path of paths) {
    const driven = new DrivenCoordinator(createCoordinator, setup);
    for (const [index, { command, before, after }] of path.entries()) {
      try {
        await driven.apply(command, before);
        driven.compare(after);
      } catch (error) {
        const steps = path.slice(0, index + 1).map((step) => JSON.stringify(step.command));
        throw new Error(`the coordinator and the model differ after ${steps.join(" ")}\n${(error as Error).message}`, { cause: error });
      }
    }
    await driven.close();
  }
}

/** A coordinator under the hand of a model, on a clock of its own. */
class DrivenCoordinator {
  readonly #setup: ModelSetup;
  readonly #clock = new VirtualClock();
  readonly #coordinator: Coordinator<unknown, unknown>;
  readonly #work: ManualWork;
  readonly #ends: WatchedEnd<unknown>[] = [];

  constructor(createCoordinator: CoordinatorMaker, setup: ModelSetup) {
    this.#setup = setup;
    this.#work = setup.orchestrator === "function" ? createManualFunction(false) : createManualMachine();
    this.#coordinator = createCoordinator(toOptions(setup, this.#work.orchestrator, this.#clock));
  }

  async apply(command: ModelCommand, before: ModelState): Promise<void> {
    const coordinator = this.#coordinator;
    if (command.type === "pause") coordinator.pause();
    else if (command.type === "resume") coordinator.resume();
    else if (command.type === "setMaxConcurrent") coordinator.setMaxConcurrent(command.to);
    else if (command.type === "tick") await this.#clock.advance(tickMs);
    else if (command.type === "cleanup") void coordinator.cleanup({ olderThanMs: 0 });
    else if (command.type === "start") await this.#start();
    else if (command.type === "cancel") await this.#cancel(command.of, before);
    else if (command.type === "signal") this.#signal(command.of, before);
    else if (command.type === "finish" || command.type === "settle" || command.type === "settleLate") this.#work.finish(idOf(command.of));
    else if (command.type === "fail" || command.type === "settleFailing") this.#work.fail(idOf(command.of));
    else this.#work[command.type](idOf(command.of));
    await this.#clock.settle();
  }

  compare(expected: ModelState): void {
    const coordinator = this.#coordinator;
    const born = [...expected.executions.entries()].filter(([, { state }]) => state !== "unborn");
    const kept = born.filter(([, { state }]) => state !== "removed");
    const view = (items: readonly { id: string; state: string; attempt: number; abandoned?: true }[]) =>
      items.map(({ id, state, attempt, abandoned = false }) => ({ id, state, attempt, abandoned }));
    assert.deepEqual(
      view(coordinator.list().items),
      kept.map(([of, { state, attempt, abandoned }]) => ({ id: idOf(of), state, attempt, abandoned })),
    );
    const count = (status: string) => kept.filter(([, { state }]) => state.split(".")[0] === status).length;
    const counts = {
      queued: count("queued"),
      running: count("running"),
      completed: count("completed"),
      failed: count("failed"),
      cancelled: count("cancelled"),
    };
    assert.deepEqual(coordinator.counts(), { ...counts, total: kept.length });
    assert.deepEqual(coordinator.stats.get().context, {
      ...counts,
      mode: expected.paused ? "paused" : "accepting",
      maxConcurrent: expected.maxConcurrent,
      slotsTaken: holders(expected).length,
      waiting: kept.filter(([, { state }]) => state === "running.waiting").length,
      abandoned: born.filter(([, { abandoned }]) => abandoned).length,
    });
    for (const [of, execution] of born) this.#compareOne(of, execution);
  }

  async close(): Promise<void> {
    const closed = new WatchedEnd(this.#coordinator.close({ mode: "cancel", deadlineMs: tickMs }));
    await this.#clock.advance(2 * tickMs);
    assert.notEqual(closed.value, undefined, "close has not ended after its deadline");
    assert.equal(this.#clock.pending, 0, "timers are left after close");
    assert.ok(
      this.#ends.every(({ end }) => end !== undefined),
      "waitFor is open after close",
    );
  }

  #compareOne(of: number, { state, attempt }: ModelExecution): void {
    const id = idOf(of);
    const { end, value, errorCode } = this.#ends[of] as WatchedEnd<unknown>;
    const info = this.#coordinator.getStatus(id);
    assert.equal(info?.state ?? "removed", state);
    if (state === "removed") assert.notEqual(end, undefined, `waitFor(${id}) is open though the record is gone`);
    else if (state === "completed") assert.equal(value, resultOf(id));
    else if (state === "cancelled") assert.equal(errorCode, "EXECUTION_CANCELLED");
    else if (state === "failed") assert.match(errorCode ?? "", /^EXECUTION_(FAILED|TIMEOUT)$/);
    else assert.equal(end, undefined, `waitFor(${id}) has ended though the execution lives`);
    if (state === "running.working") assert.ok(this.#work.working().includes(id), `${id} runs, but its attempt ${attempt} has not begun`);
  }

  async #start(): Promise<void> {
    const { delay, timeout, maxAttempts, ...rest } = this.#setup.executions[this.#ends.length] ?? {};
    const options: StartOptions = {
      ...rest,
      ...(delay !== undefined && { delayMs: delay * tickMs }),
      ...(timeout !== undefined && { timeoutMs: timeout * tickMs }),
      ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
    };
    const start = new WatchedEnd(this.#coordinator.start(undefined, options));
    await this.#clock.settle();
    assert.equal(start.value, idOf(this.#ends.length));
    this.#ends.push(new WatchedEnd(this.#coordinator.waitFor(idOf(this.#ends.length))));
  }

  async #cancel(of: number, before: ModelState): Promise<void> {
    const answer = new WatchedEnd(this.#coordinator.cancel(idOf(of)));
    await this.#clock.settle();
    assert.equal(answer.value, isLive(before.executions[of] as ModelExecution), "what cancel answered");
  }

  #signal(of: number, before: ModelState): void {
    const { accepted } = this.#coordinator.send(idOf(of), { type: "go" });
    assert.equal(accepted, !(before.executions[of] as ModelExecution).returns, "whether the signal was accepted");
  }
}

function toOptions(setup: ModelSetup, orchestrator: AnyOrchestrator, clock: VirtualClock): CoordinatorOptions<AnyOrchestrator> {
  const { maxConcurrent, maxConcurrentPerGroup, retention, retryDelay = 1, cancelGrace } = setup;
  const { maxAge, maxCount } = retention ?? {};
  return {
    orchestrator,
    clock,
    maxConcurrent,
    generateId: sequentialIds(),
    retry: { backoff: { type: "exponential", delayMs: retryDelay * tickMs, factor: 1, jitter: 0 } },
    cancelGraceMs: cancelGrace === undefined ? 1_000_000 * tickMs : cancelGrace * tickMs,
    retention: { maxAgeMs: maxAge === undefined ? Number.POSITIVE_INFINITY : maxAge * tickMs, ...(maxCount !== undefined && { maxCount }) },
    ...(maxConcurrentPerGroup !== undefined && { maxConcurrentPerGroup }),
  };
}

function idOf(of: number): string {
  return `execution-${of + 1}`;
}
