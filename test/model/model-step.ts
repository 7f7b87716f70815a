import type { ExecutionState } from "../../src/index.ts";
import { holders, isFinal, isLive, type ModelCommand, type ModelExecution, type ModelState, type PlannedExecution } from "./model-state.ts";

/** Whether the command can be given here, or is worth giving: one that could change something, or that must be refused. */
export function isEnabled(state: ModelState, command: ModelCommand): boolean {
  if (command.type === "start") return state.executions.some((execution) => execution.state === "unborn");
  if (command.type === "pause") return !state.paused;
  if (command.type === "resume") return state.paused;
  if (command.type === "setMaxConcurrent") return command.to !== state.maxConcurrent;
  if (command.type === "tick") return state.timers.length > 0 || state.ended.length > 0;
  if (command.type === "cleanup") return state.ended.length > 0;
  const execution = state.executions[command.of] as ModelExecution;
  const is = (...states: ExecutionState[]) => states.includes(execution.state as ExecutionState);
  if (command.type === "cancel") return execution.state !== "unborn";
  if (command.type === "settle" || command.type === "settleFailing") return is("running.cancelling", "running.timingOut");
  if (command.type === "settleLate") return execution.isLate;
  if (command.type === "signal" || command.type === "wake") return is("running.waiting");
  return is("running.working");
}

/** The state after a command, by the rules of the specification and as plainly as they can be written. */
export function step(before: ModelState, command: ModelCommand): ModelState {
  const state = structuredClone(before);
  apply(state, command);
  admit(state);
  return state;
}

function apply(state: ModelState, command: ModelCommand): void {
  if (command.type === "start") start(state);
  else if (command.type === "pause" || command.type === "resume") state.paused = command.type === "pause";
  else if (command.type === "setMaxConcurrent") state.maxConcurrent = command.to;
  else if (command.type === "tick") tick(state);
  else if (command.type === "cleanup") removeEnded(state, ({ age }) => age > 0);
  else if (command.type === "finish") end(state, command.of, "completed");
  else if (command.type === "fail") failOrRetry(state, command.of);
  else if (command.type === "cancel") cancel(state, command.of);
  else if (command.type === "settle" || command.type === "settleFailing") settle(state, command.of);
  else if (command.type === "settleLate") at(state, command.of).isLate = false;
  else if (command.type === "wait") wait(state, command.of);
  else if (command.type === "signal") signal(state, command.of);
  else goOn(state, command.of);
}

function start(state: ModelState): void {
  const of = state.executions.findIndex((execution) => execution.state === "unborn");
  const { delay } = planOf(state, of);
  if (delay === undefined) join(state, of, "queued.ready");
  else stayIn(state, of, "queued.delayed", delay);
}

function cancel(state: ModelState, of: number): void {
  const execution = at(state, of);
  if (!isLive(execution) || execution.state === "running.cancelling") return;
  const stopsAtOnce = execution.state.startsWith("queued.") || state.setup.orchestrator === "machine";
  if (stopsAtOnce) end(state, of, "cancelled");
  else stayIn(state, of, "running.cancelling", state.setup.cancelGrace);
}

function settle(state: ModelState, of: number): void {
  if (at(state, of).state === "running.cancelling") end(state, of, "cancelled");
  else failOrRetry(state, of);
}

function failOrRetry(state: ModelState, of: number): void {
  const { maxAttempts = 1 } = planOf(state, of);
  if (at(state, of).attempt < maxAttempts) stayIn(state, of, "queued.delayed", state.setup.retryDelay);
  else end(state, of, "failed");
}

function wait(state: ModelState, of: number): void {
  const execution = at(state, of);
  execution.state = "running.waiting";
  execution.timeLeft = clearTimer(state, of);
}

function signal(state: ModelState, of: number): void {
  const execution = at(state, of);
  if (execution.returns) return;
  execution.returns = true;
  joinLine(state, of);
}

function goOn(state: ModelState, of: number): void {
  const execution = at(state, of);
  leaveLine(state, of);
  execution.state = "running.working";
  execution.returns = false;
  if (execution.timeLeft > 0) setTimer(state, of, execution.timeLeft);
  execution.timeLeft = 0;
}

function tick(state: ModelState): void {
  const { maxAge = Number.POSITIVE_INFINITY } = state.setup.retention ?? {};
  for (const record of state.ended) record.age += 1;
  removeEnded(state, ({ age }) => age > maxAge);
  for (const timer of state.timers) timer.left -= 1;
  const due = state.timers.filter(({ left }) => left === 0);
  state.timers = state.timers.filter(({ left }) => left > 0);
  for (const { of } of due) timeIsUp(state, of);
}

function timeIsUp(state: ModelState, of: number): void {
  const execution = at(state, of);
  if (execution.state === "queued.delayed") join(state, of, "queued.ready");
  else if (execution.state === "running.working" && state.setup.orchestrator === "machine") failOrRetry(state, of);
  else if (execution.state === "running.working") stayIn(state, of, "running.timingOut", state.setup.cancelGrace);
  else {
    execution.abandoned = true;
    execution.isLate = true;
    end(state, of, execution.state === "running.cancelling" ? "cancelled" : "failed");
  }
}

function end(state: ModelState, of: number, ending: "completed" | "failed" | "cancelled"): void {
  const execution = at(state, of);
  const { maxCount = Number.POSITIVE_INFINITY } = state.setup.retention ?? {};
  leaveLine(state, of);
  clearTimer(state, of);
  Object.assign(execution, { state: ending, timeLeft: 0, returns: false });
  if (state.setup.retention === undefined) return;
  state.ended.push({ of, age: 0 });
  while (state.ended.length > maxCount) {
    const oldest = state.ended.shift();
    if (oldest !== undefined) at(state, oldest.of).state = "removed";
  }
}

function removeEnded(state: ModelState, goes: (record: { of: number; age: number }) => boolean): void {
  for (const { of } of state.ended.filter(goes)) at(state, of).state = "removed";
  state.ended = state.ended.filter(({ of }) => isFinal(at(state, of)));
}

function admit(state: ModelState): void {
  for (let next = nextInLine(state); next !== undefined; next = nextInLine(state)) {
    const execution = at(state, next);
    state.turns = [...state.turns.filter((group) => group !== groupOf(state, next)), groupOf(state, next)];
    if (execution.returns) goOn(state, next);
    else {
      leaveLine(state, next);
      execution.state = "running.working";
      execution.attempt += 1;
      const { timeout } = planOf(state, next);
      if (timeout !== undefined) setTimer(state, next, timeout);
    }
  }
}

function nextInLine(state: ModelState): number | undefined {
  const holding = holders(state);
  if (holding.length >= state.maxConcurrent) return undefined;
  const { maxConcurrentPerGroup = Number.POSITIVE_INFINITY } = state.setup;
  const candidates = state.line.filter((of) => {
    const ofGroup = holding.filter((other) => groupOf(state, other) === groupOf(state, of)).length;
    const hasRoom = groupOf(state, of) === "" || ofGroup < maxConcurrentPerGroup;
    return hasRoom && (at(state, of).returns || !state.paused);
  });
  const rank = (of: number) => [
    at(state, of).returns ? 0 : 1,
    -(planOf(state, of).priority ?? 0),
    state.turns.indexOf(groupOf(state, of)),
    state.line.indexOf(of),
  ];
  return candidates.sort((a, b) => compare(rank(a), rank(b)))[0];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : (a[place] as number) - (b[place] as number);
}

function join(state: ModelState, of: number, as: "queued.ready"): void {
  at(state, of).state = as;
  joinLine(state, of);
}

function joinLine(state: ModelState, of: number): void {
  const group = groupOf(state, of);
  if (!state.turns.includes(group)) state.turns.push(group);
  state.line.push(of);
}

function leaveLine(state: ModelState, of: number): void {
  state.line = state.line.filter((other) => other !== of);
  state.turns = state.turns.filter((group) => state.line.some((other) => groupOf(state, other) === group));
}

/** Moves to a state that it leaves by itself after some ticks. */
function stayIn(state: ModelState, of: number, to: ExecutionState, ticks: number | undefined): void {
  clearTimer(state, of);
  at(state, of).state = to;
  if (ticks !== undefined) setTimer(state, of, ticks);
}

function setTimer(state: ModelState, of: number, left: number): void {
  state.timers.push({ of, left });
}

/** Gives the ticks that were left. */
function clearTimer(state: ModelState, of: number): number {
  const timer = state.timers.find((other) => other.of === of);
  state.timers = state.timers.filter((other) => other !== timer);
  return timer?.left ?? 0;
}

function at(state: ModelState, of: number): ModelExecution {
  return state.executions[of] as ModelExecution;
}

function planOf(state: ModelState, of: number): PlannedExecution {
  return state.setup.executions[of] as PlannedExecution;
}

function groupOf(state: ModelState, of: number): string {
  return planOf(state, of).group ?? "";
}
