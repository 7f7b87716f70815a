import { expect, it } from "vitest";
import { createActor, fromPromise } from "xstate";
import { executionMachine } from "../../../machines/execution-machine.ts";
import { supervisorMachine } from "../../../machines/supervisor-machine.ts";
import type { AttemptOutcome } from "../../../src/model/attempt-outcome.ts";

function createExecution() {
  let settle = (_: AttemptOutcome): void => {};
  const aborted: unknown[] = [];
  const machine = executionMachine.provide({
    actors: { runAttempt: fromPromise(() => new Promise<AttemptOutcome>((resolve) => (settle = resolve))) }, // biome-ignore format: one thing
    actions: { abortAttempt: (_, why) => void aborted.push(why), reportRetry: () => {} },
  });
  const actor = createActor(machine, { input: { queuedAt: 1, attempt: 0 } }).start();
  const settled = async (outcome: AttemptOutcome) => {
    settle(outcome);
    await new Promise(setImmediate);
    return actor.getSnapshot();
  };
  return { actor, aborted, settled };
}

it("an execution that was cancelled while queued never runs", () => {
  const { actor } = createExecution();
  actor.send({ type: "execution.cancel", at: 5, reason: "why" });
  expect(actor.getSnapshot()).toMatchObject({ value: "cancelled", status: "done", context: { completedAt: 5, reason: "why", attempt: 0 } });
});

it("a result that arrives while cancelling does not complete it", async () => {
  const { actor, aborted, settled } = createExecution();
  actor.send({ type: "execution.run", at: 2 });
  actor.send({ type: "execution.cancel", at: 3, reason: undefined });
  expect(actor.getSnapshot()).toMatchObject({ value: { running: "cancelling" }, status: "active" });
  expect(aborted).toHaveLength(1);
  expect(await settled({ type: "succeeded", at: 4, result: 1 })).toMatchObject({ value: "cancelled", context: { completedAt: 4 } });
});

it("one that timed out is queued again when a retry was planned, else it fails", async () => {
  for (const [retryDelayMs, value] of [
    [10, { queued: "delayed" }],
    [undefined, "failed"],
  ] as const) {
    const { actor, settled } = createExecution();
    actor.send({ type: "execution.run", at: 2 });
    actor.send({ type: "execution.timeOut", error: new Error("slow"), retryDelayMs });
    expect((await settled({ type: "succeeded", at: 4, result: 1 })).value).toEqual(value);
  }
});

it("one that waits for a signal does not time out", () => {
  const { actor } = createExecution();
  actor.send({ type: "execution.run", at: 2 });
  actor.send({ type: "attempt.waiting" });
  actor.send({ type: "execution.timeOut", error: new Error("slow"), retryDelayMs: undefined });
  expect(actor.getSnapshot().value).toEqual({ running: "waiting" });
  expect(actor.getSnapshot().hasTag("waiting")).toBe(true);
  actor.stop();
});

it("a supervisor that drains or is closed never accepts again", () => {
  for (const last of ["supervisor.drain", "supervisor.close"] as const) {
    const actor = createActor(supervisorMachine).start();
    actor.send({ type: "supervisor.pause" });
    actor.send({ type: last });
    if (last === "supervisor.drain") {
      actor.send({ type: "supervisor.resume" });
      expect(actor.getSnapshot().value).toBe("draining");
    } else expect(actor.getSnapshot()).toMatchObject({ value: "closed", status: "done" });
    actor.stop();
  }
});
