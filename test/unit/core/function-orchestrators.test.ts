import { describe, expect, it } from "vitest";
import type { EventObject } from "xstate";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { VirtualClock } from "../../../src/testing/index.ts";

function createScopes(options: { timeoutMs?: number } = {}) {
  const clock = new VirtualClock({ now: 1_000 });
  const scopes: ExecutionScope[] = [];
  const finish: (() => void)[] = [];
  const coordinator = createCoordinator({
    orchestrator: (_: number, scope: ExecutionScope) => {
      scopes.push(scope);
      return new Promise<void>((resolve) => finish.push(resolve));
    },
    clock,
    ...options,
  });
  const begin = async (): Promise<{ id: string; scope: ExecutionScope }> => {
    const id = await coordinator.start(1);
    await clock.settle();
    return { id, scope: scopes.at(-1) as ExecutionScope };
  };
  const end = async (): Promise<void> => {
    for (const resolve of finish) resolve();
    await coordinator.close();
  };
  return { clock, coordinator, begin, end };
}

describe("the scope of a function", () => {
  it("its parts work on their own", async () => {
    const { clock, coordinator, begin, end } = createScopes({ timeoutMs: 500 });
    const { id, scope } = await begin();
    const { now, remainingMs, progress, executionId, attempt, signal } = scope;
    await clock.advance(200);
    progress("half");
    expect([executionId, attempt, now(), remainingMs(), signal.aborted]).toEqual([id, 1, 1_200, 300, false]);
    expect(coordinator.getStatus(id)?.progress).toBe("half");
    await end();
  });

  it("its signal is the same in a copy, behind a proxy and in what inherits from it", async () => {
    const { coordinator, begin, end } = createScopes();
    const { id, scope } = await begin();
    const others = [{ ...scope }, new Proxy(scope, {}), Object.create(scope) as ExecutionScope];
    expect(others.map(({ signal }) => signal === scope.signal)).toEqual([true, true, true]);
    await coordinator.cancel(id);
    expect(others.map(({ signal }) => signal.aborted)).toEqual([true, true, true]);
    await end();
  });

  it("remainingMs is Infinity without a timeout, and not the grace period once it was cancelled", async () => {
    const { coordinator, begin, end } = createScopes();
    const { id, scope } = await begin();
    expect(scope.remainingMs()).toBe(Number.POSITIVE_INFINITY);
    await coordinator.cancel(id);
    expect(scope.remainingMs()).toBe(Number.POSITIVE_INFINITY);
    await end();
  });

  it("a signal that is first looked at after the abort is aborted", async () => {
    const { coordinator, begin, end } = createScopes();
    const { id, scope } = await begin();
    await coordinator.cancel(id, "why");
    expect(scope.signal.aborted).toBe(true);
    expect(scope.signal.reason).toMatchObject({ code: "EXECUTION_CANCELLED", reason: "why" });
    await end();
  });

  it("progress after the attempt was asked to stop, or has ended, is ignored", async () => {
    const { clock, coordinator, begin, end } = createScopes();
    const { id, scope } = await begin();
    scope.progress(1);
    await coordinator.cancel(id);
    scope.progress(2);
    await clock.settle();
    expect(coordinator.getStatus(id)?.progress).toBe(1);
    await end();
    expect(coordinator.getStatus(id)?.progress).toBe(1);
  });

  it("signals gives everything sent since the attempt began, in order, and ends when it is asked to stop", async () => {
    const { clock, coordinator, begin, end } = createScopes();
    const { id, scope } = await begin();
    expect(coordinator.send(id, { type: "early" })).toEqual({ accepted: true });
    const read: string[] = [];
    const reading = (async () => {
      for await (const { type } of scope.signals() as AsyncIterable<EventObject>) read.push(type);
      read.push("over");
    })();
    coordinator.send(id, { type: "second" });
    await clock.settle();
    expect(read).toEqual(["early", "second"]);
    await coordinator.cancel(id);
    await reading;
    expect(read).toEqual(["early", "second", "over"]);
    expect(coordinator.send(id, { type: "late" })).toMatchObject({ accepted: false, reason: "notAccepted" });
    await end();
  });

  it("takes up to 1 000 signals that were not read", async () => {
    const { coordinator, begin, end } = createScopes();
    const { id } = await begin();
    for (let count = 0; count < 1_000; count += 1) expect(coordinator.send(id, { type: "x" }).accepted).toBe(true);
    expect(coordinator.send(id, { type: "x" })).toEqual({ accepted: false, reason: "notAccepted", accepts: [] });
    await end();
  });

  it("a signal sent before it has a slot is not accepted", async () => {
    const { coordinator, end } = createScopes();
    const id = await coordinator.start(1, { delayMs: 10 });
    expect(coordinator.send(id, { type: "x" })).toMatchObject({ accepted: false, reason: "notAccepted" });
    await coordinator.cancel(id);
    await end();
  });
});
