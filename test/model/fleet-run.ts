import assert from "node:assert/strict";
import type { AnyOrchestrator, CloseReport, Coordinator, ExecutionInfo, StartOptions } from "../../src/index.ts";
import { seededRandom, sequentialIds, VirtualClock } from "../../src/testing/index.ts";
import type { CoordinatorMaker } from "./coordinator-maker.ts";
import type { FleetCommand, FleetSetting, PickType, RandomStart } from "./fleet-command.ts";
import { type FleetConditions, FleetWitness, type WitnessedExecution } from "./fleet-witness.ts";
import { createManualFunction, createManualMachine, type ManualWork } from "./manual-work.ts";
import { WatchedEnd } from "./watched-end.ts";

const cancelGraceMs = 400;
const statuses = ["queued", "running", "completed", "failed", "cancelled"] as const;

/** Gives a coordinator of its own all the commands, checks every promise after each, brings the run to its end, and checks that, too. */
export async function checkPromises(
  createCoordinator: CoordinatorMaker,
  setting: FleetSetting,
  commands: readonly FleetCommand[],
): Promise<void> {
  const run = new FleetRun(createCoordinator, setting);
  for (const command of commands) {
    await run.apply(command);
    run.check();
  }
  await run.end();
}

class FleetRun {
  readonly #setting: FleetSetting;
  readonly #clock = new VirtualClock();
  readonly #coordinator: Coordinator<unknown, unknown>;
  readonly #work: ManualWork;
  readonly #conditions: FleetConditions;
  readonly #witness: FleetWitness;
  readonly #asked = new Map<string, RandomStart>();
  readonly #controllers = new Map<string, AbortController>();
  readonly #waits = new Map<string, WatchedEnd<unknown>>();
  readonly #finals = new Map<string, ExecutionInfo>();
  readonly #nextId = sequentialIds();
  #broken: unknown;

  constructor(createCoordinator: CoordinatorMaker, setting: FleetSetting) {
    const { orchestrator, ending: _, seed, ...options } = setting;
    this.#setting = setting;
    this.#work = orchestrator === "machine" ? createManualMachine() : createManualFunction(orchestrator === "function that stops");
    this.#conditions = { paused: false, maxConcurrent: setting.maxConcurrent, movedOn: new Set() };
    this.#witness = new FleetWitness(setting, this.#conditions, cancelGraceMs, (id) => this.#asked.get(id) as RandomStart);
    this.#coordinator = createCoordinator<AnyOrchestrator>({
      ...options,
      orchestrator: this.#work.orchestrator,
      clock: this.#clock,
      random: seededRandom(seed),
      retry: { backoff: { type: "exponential", delayMs: 200 } },
      cancelGraceMs,
      onError: (error) => this.#break(error),
    });
    this.#coordinator.on("*", (event) => {
      try {
        this.#witness.hear(event);
      } catch (error) {
        this.#break(error);
      }
    });
  }

  async apply(command: FleetCommand): Promise<void> {
    const coordinator = this.#coordinator;
    const { movedOn } = this.#conditions;
    movedOn.clear();
    if (command.type === "start")
      await this.#start([command.options], ([entry]) => coordinator.start(entry?.input, entry?.options).then((id) => [id]));
    else if (command.type === "startMany") await this.#start(command.all, (entries) => coordinator.startMany(entries));
    else if (command.type === "pause") this.#pause(true);
    else if (command.type === "resume") this.#pause(false);
    else if (command.type === "setMaxConcurrent") this.#setMaxConcurrent(command.to);
    else if (command.type === "advance") await this.#clock.advance(command.ms);
    else if (command.type === "cleanup") await this.#cleanup(command.olderThanMs);
    else this.#applyTo(command.type, command.pick);
    await this.#clock.settle();
  }

  /** What must hold whenever nothing is under way. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
    this.#checkCounts();
    for (const execution of this.#witness.executions.values()) this.#checkOne(execution);
    this.#checkThatWhoCanRunRuns();
  }

  async end(): Promise<void> {
    const { ending } = this.#setting;
    this.#conditions.movedOn.clear();
    if (ending === "drain") await this.#drain();
    const live = this.#witness.count("queued") + this.#witness.count("running");
    const mode = ending === "close by cancel" ? "cancel" : ending === "close by release" ? "release" : "drain";
    if (mode !== "release") this.#conditions.paused = false;
    const closed = new WatchedEnd(this.#coordinator.close({ mode, deadlineMs: 2_000 }));
    await this.#clock.advance(10_000);
    if (this.#broken !== undefined) throw this.#broken;
    this.#checkClosed(closed.value, live, mode);
  }

  #break(error: unknown): void {
    this.#broken ??= error;
  }

  async #start(
    asked: readonly RandomStart[],
    call: (entries: { input: unknown; options: StartOptions }[]) => Promise<readonly string[]>,
  ): Promise<void> {
    const { maxQueued = Number.POSITIVE_INFINITY } = this.#setting;
    const queuedBefore = this.#witness.count("queued");
    const { ids, error, fresh } = this.#expectStart(asked);
    const entries = asked.map(({ input, hasSignal, maxAttempts, ...options }, index) => {
      const id = fresh[index] as string;
      const controller = new AbortController();
      this.#asked.set(id, asked[index] as RandomStart);
      if (hasSignal) this.#controllers.set(id, controller);
      return {
        input,
        options: {
          ...options,
          id,
          ...(hasSignal && { signal: controller.signal }),
          ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
        },
      };
    });
    const start = new WatchedEnd(call(entries));
    await this.#clock.settle();
    const newIds = new Set(fresh.filter((id) => ids.includes(id)));
    if (error !== undefined) assert.equal(start.errorCode, error);
    else if (start.value === undefined) {
      assert.equal(start.errorCode, "CAPACITY_EXCEEDED");
      assert.ok(queuedBefore + newIds.size > maxQueued, "refused although the queue has room");
    } else {
      assert.deepEqual(start.value, ids);
      const queued = this.#witness.count("queued");
      assert.ok(queued <= Math.max(maxQueued, queuedBefore), `a start let the queue grow to ${queued}`);
    }
    const wasAccepted = start.value !== undefined;
    for (const id of fresh) {
      const isNew = wasAccepted && newIds.has(id);
      assert.equal(this.#witness.executions.has(id), isNew, `whether ${id} was queued`);
      if (isNew) this.#waits.set(id, new WatchedEnd(this.#waitFor(id)));
    }
  }

  /** One that has been removed already has no end to tell. */
  async #waitFor(id: string): Promise<unknown> {
    return this.#witness.executions.get(id)?.status === "removed" ? undefined : this.#coordinator.waitFor(id);
  }

  /** Which ids the start should give, by the idempotency keys that are known. */
  #expectStart(asked: readonly RandomStart[]): { ids: string[]; fresh: string[]; error: string | undefined } {
    const known = new Map<string, { id: string; input: string }>();
    for (const {
      id,
      asked: { idempotencyKey, input },
    } of this.#witness.kept)
      if (idempotencyKey !== undefined) known.set(idempotencyKey, { id, input });
    let error: string | undefined;
    const fresh = asked.map(() => this.#nextId());
    const ids = asked.map(({ idempotencyKey, input }, index) => {
      const earlier = idempotencyKey === undefined ? undefined : known.get(idempotencyKey);
      if (earlier !== undefined && earlier.input !== input) error ??= "IDEMPOTENCY_CONFLICT";
      if (earlier !== undefined) return earlier.id;
      if (idempotencyKey !== undefined) known.set(idempotencyKey, { id: fresh[index] as string, input });
      return fresh[index] as string;
    });
    return { ids, fresh, error };
  }

  #applyTo(type: PickType, pick: number): void {
    const isMachine = this.#setting.orchestrator === "machine";
    const pool = this.#poolOf(type);
    const id = pool[pick % pool.length];
    if (id === undefined) return;
    if (type === "cancel") this.#cancel(id);
    else if (type === "abort") this.#controllers.get(id)?.abort();
    else if (type === "signal") this.#signal(id);
    else if (isMachine || type === "finish" || type === "fail") {
      if (type === "wake") this.#conditions.movedOn.add(id);
      this.#work[type](id);
    }
  }

  #poolOf(type: PickType): string[] {
    if (type === "wake" || type === "signal") return this.#work.waiting();
    if (type === "finish" || type === "fail" || type === "wait") return this.#work.working();
    return type === "cancel" ? [...this.#witness.executions.keys()] : [...this.#controllers.keys()];
  }

  #cancel(id: string): void {
    const status = this.#witness.executions.get(id)?.status;
    const wasLive = status === "queued" || status === "running";
    this.#coordinator.cancel(id, "on a whim").then((answer) => {
      if (answer !== wasLive) this.#break(new Error(`cancel(${id}) gave ${answer} while ${status}`));
    }, this.#break.bind(this));
  }

  #signal(id: string): void {
    const execution = this.#witness.executions.get(id) as WitnessedExecution;
    const { accepted } = this.#coordinator.send(id, { type: "go" });
    assert.equal(accepted, !execution.returns, `whether ${id} accepted the signal`);
    if (execution.phase === "waiting") execution.returns = true;
  }

  #pause(paused: boolean): void {
    this.#conditions.paused = paused;
    if (paused) this.#coordinator.pause();
    else this.#coordinator.resume();
  }

  #setMaxConcurrent(to: number): void {
    this.#conditions.maxConcurrent = to;
    this.#coordinator.setMaxConcurrent(to);
  }

  async #cleanup(olderThanMs: number): Promise<void> {
    const now = this.#clock.now();
    const due = [...this.#finals.values()].filter(({ completedAt = now }) => now - completedAt > olderThanMs).map(({ id }) => id);
    const removed = new WatchedEnd(this.#coordinator.cleanup({ olderThanMs }));
    await this.#clock.settle();
    assert.equal(removed.value, due.length, "how many records cleanup removed");
    for (const id of due) assert.equal(this.#coordinator.getStatus(id), undefined, `${id} is older than ${olderThanMs} ms`);
  }

  #checkCounts(): void {
    const coordinator = this.#coordinator;
    const { maxConcurrent, paused } = this.#conditions;
    const kept = this.#witness.kept;
    const listed: ExecutionInfo[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = coordinator.list({ limit: 40, ...(cursor !== undefined && { cursor }) });
      listed.push(...page.items);
      cursor = page.nextCursor;
    }
    assert.deepEqual(
      listed.map(({ id, status, attempt }) => ({ id, status, attempt })),
      kept.map(({ id, status, attempt }) => ({ id, status, attempt })),
      "the list, and what the events told",
    );
    const counts = Object.fromEntries(statuses.map((status) => [status, this.#witness.count(status)]));
    assert.deepEqual(coordinator.counts(), { ...counts, total: kept.length }, "the counts, and what the events told");
    const { abandoned: _, ...stats } = coordinator.stats.get().context;
    const waiting = kept.filter(({ status, phase }) => status === "running" && phase === "waiting").length;
    const slotsTaken = this.#witness.holders.length;
    const mode = paused ? "paused" : "accepting";
    assert.deepEqual(stats, { ...counts, mode, maxConcurrent, slotsTaken, waiting }, "the stats, and what the events told");
  }

  #checkOne(execution: WitnessedExecution): void {
    const { id, status, phase, asked, stoppingSince } = execution;
    const now = this.#clock.now();
    const info = this.#coordinator.getStatus(id);
    const wait = this.#waits.get(id);
    const final = this.#finals.get(id);
    if (status === "removed") {
      assert.equal(info, undefined);
      this.#finals.delete(id);
    } else assert.ok(info !== undefined, `${id} is lost`);
    if (final !== undefined && info !== undefined) assert.deepEqual(info, final, "a final record changed");
    if (phase === "over") {
      assert.notEqual(wait?.end, undefined, `waitFor(${id}) is open after the end`);
      if (info !== undefined) this.#finals.set(id, info);
      return;
    }
    assert.equal(wait?.end, undefined, `waitFor(${id}) has ended before the end`);
    assert.ok(phase !== "working" || this.#work.working().includes(id), `${id} holds a slot and does nothing`);
    assert.ok(
      this.#witness.workedMs(execution, now) <= (asked.timeoutMs ?? Number.POSITIVE_INFINITY),
      `${id} works longer than its timeout`,
    );
    assert.ok(phase !== "stopping" || now - stoppingSince < cancelGraceMs, `${id} is stopping for longer than the grace period`);
    assert.ok(phase !== "delayed" || info?.state !== "queued.delayed" || now < execution.readyAt, `${id} is delayed for too long`);
    if (info?.state === "queued.ready" && phase === "delayed") execution.phase = "ready";
  }

  /** A free slot is given to whoever may have it. */
  #checkThatWhoCanRunRuns(): void {
    const { paused, maxConcurrent } = this.#conditions;
    if (this.#witness.holders.length >= maxConcurrent) return;
    const isHeldBack = paused || this.#setting.rateLimit !== undefined;
    for (const execution of this.#witness.executions.values()) {
      const couldRun = execution.returns || (execution.phase === "ready" && !isHeldBack);
      assert.ok(!couldRun || !this.#witness.groupHasRoom(execution), `a slot is free, and ${execution.id} does not get it`);
    }
  }

  /** Lets everybody do their work, and expects all of it to come to an end. */
  async #drain(): Promise<void> {
    this.#pause(false);
    const drained = new WatchedEnd(this.#coordinator.drain());
    for (let round = 0; drained.end === undefined; round++) {
      assert.ok(round < 2_000, "the coordinator does not drain");
      this.#conditions.movedOn.clear();
      for (const id of this.#work.waiting()) {
        this.#conditions.movedOn.add(id);
        this.#work.wake(id);
      }
      await this.#clock.settle();
      for (const id of this.#work.working()) this.#work.finish(id);
      await this.#clock.advance(100);
      this.check();
    }
    assert.equal(this.#witness.count("queued") + this.#witness.count("running"), 0, "drained with work left");
  }

  #checkClosed(report: CloseReport | undefined, live: number, mode: "cancel" | "release" | "drain"): void {
    assert.ok(report !== undefined, "close has not ended after its deadline");
    const { drained, cancelled, released, abandoned } = report;
    assert.equal(drained + cancelled + released + abandoned, live, `the report ${JSON.stringify(report)} covers what was live`);
    assert.equal(this.#clock.pending, 0, "timers are left after close");
    for (const [id, { end }] of this.#waits) assert.notEqual(end, undefined, `waitFor(${id}) is open after close`);
    if (mode === "release") return;
    assert.equal(released, 0);
    assert.equal(this.#coordinator.counts().queued + this.#coordinator.counts().running, 0, "closed with work left");
  }
}
