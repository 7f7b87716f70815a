import { expect, it } from "vitest";
import { type AnyActorLogic, createActor, createMachine, fromPromise, setup } from "xstate";
import { type ExecutionMachineEvent, executionMachine } from "../../../machines/execution-machine.ts";
import { createChartTable } from "../../../src/core/chart-table.ts";
import { createExecutionLogic } from "../../../src/core/execution-logic.ts";
import type { AttemptOutcome } from "../../../src/model/attempt-outcome.ts";

type Step = ExecutionMachineEvent | { readonly settles: AttemptOutcome } | { readonly crashes: string };

const steps: readonly Step[] = [
  { type: "execution.delay" },
  { type: "execution.due" },
  { type: "execution.run", at: 1 },
  { type: "execution.cancel", at: 2, reason: "why" },
  { type: "execution.timeOut", error: "slow", retryDelayMs: undefined },
  { type: "execution.timeOut", error: "slow", retryDelayMs: 5 },
  { type: "execution.abandon", at: 3 },
  { type: "attempt.progressed", progress: "some" },
  { type: "attempt.waiting" },
  { type: "attempt.continued" },
  { settles: { type: "succeeded", at: 4, result: "done" } },
  { settles: { type: "failed", at: 5, error: "bad" } },
  { settles: { type: "failed", at: 6, error: "bad", retryDelayMs: 7 } },
  { settles: { type: "cancelled", at: 8, reason: "itself" } },
  { crashes: "hard" },
];

/** One life under a supervisor, and all that can be seen of it. */
function createLife(kind: "table" | "interpreter") {
  const told: unknown[] = [];
  let attempt: { resolve(outcome: AttemptOutcome): void; reject(error: unknown): void } | undefined;
  const run = () => new Promise<AttemptOutcome>((resolve, reject) => (attempt = { resolve, reject })); // biome-ignore format: one thing
  const abort = (_: string, why: object) => void told.push(["abort", { ...why }]);
  const retryDue = () => void told.push(["retryDue"]);
  const logic =
    kind === "table"
      ? createExecutionLogic({ run, abort, retryDue })
      : executionMachine.provide({
          actors: { runAttempt: fromPromise(run) },
          actions: { abortAttempt: (_, why) => abort("", why), reportRetry: retryDue },
        });
  const actor = createActor(logic as AnyActorLogic, { id: "e", input: { queuedAt: 0, attempt: 0 } });
  actor.subscribe({ error: (error: unknown) => told.push(["error", error]) });
  actor.start();
  return {
    async take(step: Step) {
      if ("type" in step) actor.send(step);
      else {
        if ("settles" in step) attempt?.resolve(step.settles);
        else attempt?.reject(step.crashes);
        await new Promise(setImmediate);
      }
      const { status, value, context, children, tags } = actor.getSnapshot();
      const known = Object.fromEntries(Object.entries(context).filter(([, given]) => given !== undefined));
      const live = Object.entries(children).filter(
        ([, child]) => (child as { getSnapshot(): { status: string } }).getSnapshot().status === "active",
      );
      return { status, value, context: known, tags: [...tags], runs: live.map(([id]) => id), told: [...told] };
    },
    stop: () => actor.stop(),
  };
}

it("from the table it lives as the interpreted statechart does, along every way that leads to something new", async () => {
  const seen = new Set<string>();
  let ways: (readonly Step[])[] = [[]];
  let compared = 0;
  while (ways.length > 0) {
    const longer: (readonly Step[])[] = [];
    for (const way of ways) {
      for (const step of steps) {
        const table = createLife("table");
        const interpreter = createLife("interpreter");
        for (const before of way) await Promise.all([table.take(before), interpreter.take(before)]);
        const [actual, expected] = await Promise.all([table.take(step), interpreter.take(step)]);
        expect(actual, JSON.stringify([...way, step])).toEqual(expected);
        compared += 1;
        const key = JSON.stringify({ ...expected, told: expected.told.slice(-2) });
        if (!seen.has(key) && expected.status === "active" && way.length < 8) {
          seen.add(key);
          longer.push([...way, step]);
        }
        table.stop();
        interpreter.stop();
      }
    }
    ways = longer;
  }
  expect(compared).toBeGreaterThan(800);
});

it("stops what it invoked when it is stopped", async () => {
  const life = createLife("table");
  expect((await life.take({ type: "execution.run", at: 1 })).runs).toEqual(["attempt"]);
  life.stop();
  expect((await life.take({ settles: { type: "succeeded", at: 2, result: 1 } })).status).toBe("stopped");
});

it("what a table cannot say is refused when it is made", () => {
  const parts = { changes: {}, effects: [], guards: {} };
  const refuse = (config: object) => () => createChartTable({ config }, parts);
  expect(refuse(createMachine({ type: "parallel", states: { a: {} } }).config)).toThrow(/"parallel"/);
  expect(refuse(createMachine({ initial: "a", states: { a: { after: { 5: "b" } }, b: {} } }).config)).toThrow(
    'knows no "after" (state "a")',
  );
  expect(refuse(createMachine({ initial: "a", states: { a: { on: { x: "a" } } } }).config)).toThrow('no transition of "a" to itself');
  expect(refuse({ initial: "a", states: { a: { on: { x: "nowhere" } } } })).toThrow('finds no state "nowhere" from "a"');
  expect(refuse(setup({}).createMachine({ initial: "a", states: { a: { on: { x: { actions: "ring" } } } } } as object).config)).toThrow(
    'has no action "ring"',
  );
  expect(refuse({ initial: "a", states: { a: { on: { x: { guard: "open" } } } } })).toThrow('has no guard "open"');
});
