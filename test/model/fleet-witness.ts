import assert from "node:assert/strict";
import type { ExecutionEvent, ExecutionStatus } from "../../src/index.ts";
import type { FleetSetting, RandomStart } from "./fleet-command.ts";

/** What the events so far say of one execution. */
export interface WitnessedExecution {
  readonly id: string;
  readonly asked: RandomStart;
  status: ExecutionStatus | "removed";
  phase: "ready" | "delayed" | "working" | "waiting" | "stopping" | "over";
  attempt: number;
  /** When it may run, and its place among those that may from the same event on; the place is unknown for one that a timer made ready. */
  readyAt: number;
  readySequence: number | undefined;
  workedMs: number;
  workingSince: number;
  stoppingSince: number;
  /** Was asked to stop by a cancel, which no later fact changes. */
  isCancelled: boolean;
  /** Has a signal to act on and no slot. */
  returns: boolean;
}

/** What a witness must know that events do not tell. */
export interface FleetConditions {
  paused: boolean;
  maxConcurrent: number;
  /** Machines that were moved on by their own invoke in this command. */
  readonly movedOn: Set<string>;
}

/** Hears every event, keeps its own account of each execution, and throws at the first one that breaks a promise. */
export class FleetWitness {
  readonly executions = new Map<string, WitnessedExecution>();
  readonly #setting: FleetSetting;
  readonly #conditions: FleetConditions;
  readonly #cancelGraceMs: number;
  readonly #asked: (id: string) => RandomStart;
  readonly #startedAt: number[] = [];
  /** For each group: the event that last gave one of it a slot, and the one before that gave one of it its first. */
  readonly #lastStart = new Map<string, number>();
  readonly #lastServed = new Map<string, number>();
  #sequence = 0;

  constructor(setting: FleetSetting, conditions: FleetConditions, cancelGraceMs: number, asked: (id: string) => RandomStart) {
    this.#setting = setting;
    this.#conditions = conditions;
    this.#cancelGraceMs = cancelGraceMs;
    this.#asked = asked;
  }

  get holders(): WitnessedExecution[] {
    return this.#in("working", "stopping").filter(({ status }) => status === "running");
  }

  count(status: ExecutionStatus): number {
    return [...this.executions.values()].filter((execution) => execution.status === status).length;
  }

  get kept(): WitnessedExecution[] {
    return [...this.executions.values()].filter(({ status }) => status !== "removed");
  }

  hear(event: ExecutionEvent): void {
    assert.ok(event.sequence > this.#sequence, `event numbers rise: ${event.sequence} came after ${this.#sequence}`);
    this.#sequence = event.sequence;
    if (event.type === "execution.queued") {
      this.#queued(event);
      return;
    }
    const execution = this.executions.get(event.executionId);
    assert.ok(execution !== undefined, `${event.type} of ${event.executionId}, which was never queued`);
    assert.equal(event.attempt, event.type === "execution.started" ? execution.attempt + 1 : execution.attempt, `attempt of ${event.type}`);
    if (event.type === "execution.started") this.#started(execution, event);
    else if (event.type === "execution.waiting") this.#waiting(execution, event);
    else if (event.type === "execution.continued") this.#continued(execution, event);
    else if (event.type === "execution.cancelling" || event.type === "execution.timingOut") this.#stopping(execution, event);
    else if (event.type === "execution.retrying") this.#retrying(execution, event);
    else if (event.type === "execution.removed") this.#removed(execution);
    else if (event.type === "execution.progressed" || event.type === "execution.signalled") {
      assert.ok(execution.phase === "working" || execution.phase === "waiting", `${event.type} while ${execution.phase}`);
    } else this.#ended(execution, event);
  }

  /** How long this attempt has worked, waiting left out. */
  workedMs({ phase, workedMs, workingSince }: WitnessedExecution, now: number): number {
    return phase === "working" ? workedMs + now - workingSince : workedMs;
  }

  /** Whether its group has a slot to give. */
  groupHasRoom({ asked: { group } }: WitnessedExecution): boolean {
    const { maxConcurrentPerGroup = Number.POSITIVE_INFINITY } = this.#setting;
    return group === undefined || this.#holding(group) < maxConcurrentPerGroup;
  }

  #queued({ executionId: id, at, sequence }: ExecutionEvent): void {
    assert.ok(!this.executions.has(id), `${id} was queued twice`);
    const asked = this.#asked(id);
    const { delayMs = 0 } = asked;
    this.executions.set(id, {
      id,
      asked,
      status: "queued",
      phase: delayMs > 0 ? "delayed" : "ready",
      attempt: 0,
      readyAt: at + delayMs,
      readySequence: delayMs > 0 ? undefined : sequence,
      workedMs: 0,
      workingSince: 0,
      stoppingSince: 0,
      isCancelled: false,
      returns: false,
    });
  }

  #started(execution: WitnessedExecution, { at, sequence }: ExecutionEvent): void {
    const { id, asked } = execution;
    assert.equal(execution.status, "queued", `${id} started while ${execution.status}`);
    assert.ok(execution.readyAt <= at, `${id} started ${execution.readyAt - at} ms before its delay was over`);
    assert.ok(!this.#conditions.paused, `${id} started while paused`);
    this.#checkTurn(execution, at);
    this.#checkLimits(execution);
    this.#startedAt.push(at);
    const { rateLimit } = this.#setting;
    const before = rateLimit && this.#startedAt.at(-1 - rateLimit.limit);
    assert.ok(before === undefined || at - before >= (rateLimit?.intervalMs ?? 0), `${id} started above the rate limit`);
    Object.assign(execution, { status: "running", phase: "working", attempt: execution.attempt + 1, workedMs: 0, workingSince: at });
    this.#lastStart.set(asked.group ?? "", sequence);
    this.#lastServed.set(asked.group ?? "", sequence);
  }

  /** Nobody that is known to be ready, and could run, should have gone first. */
  #checkTurn(next: WitnessedExecution, at: number): void {
    const { priority = 0, group = "" } = next.asked;
    for (const other of this.executions.values()) {
      if (other === next || !this.groupHasRoom(other)) continue;
      assert.ok(!other.returns, `${next.id} started before ${other.id}, which came back from waiting`);
      const isReady = other.status === "queued" && (other.phase === "ready" || other.readyAt < at);
      if (!isReady) continue;
      const otherGroup = other.asked.group ?? "";
      const otherPriority = other.asked.priority ?? 0;
      assert.ok(otherPriority <= priority, `${next.id} of priority ${priority} started before ${other.id} of ${otherPriority}`);
      if (otherPriority < priority) continue;
      if (otherGroup === group) {
        assert.ok(!cameBefore(other, next), `${next.id} started before ${other.id}, which came first`);
        continue;
      }
      const lastStart = this.#lastStart.get(group) ?? 0;
      const hasWaited = other.readySequence !== undefined && other.readySequence < lastStart;
      const wasServed = (this.#lastServed.get(otherGroup) ?? 0) > lastStart;
      assert.ok(!hasWaited || wasServed, `group "${group}" was served twice (${next.id}) while ${other.id} of "${otherGroup}" waited`);
    }
  }

  /** Before it takes its slot. */
  #checkLimits(next: WitnessedExecution): void {
    const { maxConcurrent } = this.#conditions;
    assert.ok(this.holders.length < maxConcurrent, `${next.id} got a slot above the limit of ${maxConcurrent}`);
    assert.ok(this.groupHasRoom(next), `${next.id} got a slot above the limit of its group`);
  }

  #waiting(execution: WitnessedExecution, { at }: ExecutionEvent): void {
    assert.equal(execution.phase, "working");
    execution.workedMs += at - execution.workingSince;
    execution.phase = "waiting";
  }

  #continued(execution: WitnessedExecution, { at, sequence }: ExecutionEvent): void {
    assert.equal(execution.phase, "waiting");
    if (!this.#conditions.movedOn.has(execution.id)) {
      this.#checkLimits(execution);
      this.#lastServed.set(execution.asked.group ?? "", sequence);
    }
    Object.assign(execution, { phase: "working", workingSince: at, returns: false });
  }

  #stopping(execution: WitnessedExecution, { type, at }: ExecutionEvent): void {
    const { id, asked, status, phase } = execution;
    assert.equal(status, "running", `${type} of ${id}, which is ${status}`);
    if (type === "execution.timingOut")
      assert.equal(this.workedMs(execution, at), asked.timeoutMs, `how long ${id} worked when it timed out`);
    if (type === "execution.cancelling") execution.isCancelled = true;
    // One that waited holds no slot while it stops either, but it stops at once.
    Object.assign(execution, { phase: phase === "waiting" ? "waiting" : "stopping", stoppingSince: at, returns: false });
  }

  #retrying(execution: WitnessedExecution, { at, delayMs }: Extract<ExecutionEvent, { type: "execution.retrying" }>): void {
    const { id, asked, status, attempt, isCancelled } = execution;
    assert.equal(status, "running", `${id} is retried while ${status}`);
    assert.ok(!isCancelled, `${id} is retried after it was cancelled`);
    assert.ok(attempt < (asked.maxAttempts ?? 1), `${id} is retried after ${attempt} attempts`);
    Object.assign(execution, { status: "queued", phase: "delayed", readyAt: at + delayMs, readySequence: undefined, returns: false });
  }

  #ended(execution: WitnessedExecution, event: ExecutionEvent): void {
    const { id, asked, status, phase, attempt, stoppingSince, isCancelled } = execution;
    const ending = event.type.slice("execution.".length) as ExecutionStatus;
    const isAbandoned = "abandoned" in event;
    assert.ok(status === "queued" ? ending === "cancelled" : status === "running", `${event.type} of ${id}, which is ${status}`);
    if (isCancelled) assert.equal(ending, "cancelled", `${id} was cancelled and ends as ${ending}`);
    if (ending === "completed") assert.notEqual(phase, "stopping", `${id} completed after it was asked to stop`);
    if (ending === "failed" && !isAbandoned) assert.equal(attempt, asked.maxAttempts ?? 1, `${id} failed with attempts left`);
    if (phase === "stopping") assert.ok(event.at - stoppingSince <= this.#cancelGraceMs, `${id} took longer to stop than the grace period`);
    Object.assign(execution, { status: ending, phase: "over", returns: false });
  }

  #removed(execution: WitnessedExecution): void {
    assert.equal(execution.phase, "over", `${execution.id} was removed while ${execution.phase}`);
    assert.notEqual(execution.status, "removed");
    execution.status = "removed";
  }

  #holding(group: string): number {
    return this.holders.filter(({ asked }) => asked.group === group).length;
  }

  #in(...phases: WitnessedExecution["phase"][]): WitnessedExecution[] {
    return [...this.executions.values()].filter(({ phase }) => phases.includes(phase));
  }
}

/** Certainly: what became ready at the same instant by timers may have come in any order. */
function cameBefore(a: WitnessedExecution, b: WitnessedExecution): boolean {
  if (a.readyAt !== b.readyAt) return a.readyAt < b.readyAt;
  return a.readySequence !== undefined && b.readySequence !== undefined && a.readySequence < b.readySequence;
}
