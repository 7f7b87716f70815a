import { describe, expect, it } from "vitest";
import { type AnyStateMachine, assign, createMachine, fromCallback, fromPromise, sendTo, setup, spawnChild } from "xstate";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import { sequentialIds, VirtualClock } from "../../../src/testing/index.ts";

const approval = setup({
  types: {
    input: {} as { item: string },
    output: {} as string,
    context: {} as { item: string; notes: string[] },
    events: {} as { type: "approve" } | { type: "reject" } | { type: "note"; text: string } | { type: "reopen" },
  },
}).createMachine({
  context: ({ input }) => ({ item: input.item, notes: [] }),
  initial: "asking",
  states: {
    asking: {
      tags: "waiting",
      on: {
        approve: "approved",
        reject: "rejected",
        note: { actions: assign({ notes: ({ context, event }) => [...context.notes, event.text] }) },
      },
      after: { 10000: "rejected" },
    },
    approved: { on: { reopen: "asking" }, after: { 100: "done" } },
    rejected: { on: { reopen: "asking" }, after: { 100: "done" } },
    done: { type: "final" },
  },
  output: ({ context }) => `${context.item} ${context.notes.join("+")}`,
});

function createApprovals(maxConcurrent = 1) {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const coordinator = createCoordinator({
    orchestrator: approval,
    maxConcurrent,
    clock,
    generateId: sequentialIds("m"),
    onError: (error) => errors.push(error),
  });
  return { clock, coordinator, errors };
}

describe("a machine as orchestrator", () => {
  it("gets the start's input as its own, its output is the result, its state value the progress", async () => {
    const { clock, coordinator } = createApprovals();
    const id = await coordinator.start({ item: "tea" });
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.waiting", progress: "asking" });
    coordinator.send(id, { type: "note", text: "hot" });
    coordinator.send(id, { type: "approve" });
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.working", progress: "approved" });
    await clock.advance(100);
    await expect(coordinator.waitFor(id)).resolves.toBe("tea hot");
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it("send answers notAccepted with what its state accepts, final and unknown", async () => {
    const { clock, coordinator } = createApprovals();
    const id = await coordinator.start({ item: "tea" });
    await clock.settle();
    expect(coordinator.send(id, { type: "reopen" })).toEqual({
      accepted: false,
      reason: "notAccepted",
      accepts: ["approve", "note", "reject"],
    });
    expect(coordinator.send("nobody", { type: "approve" })).toEqual({ accepted: false, reason: "unknown", accepts: [] });
    await coordinator.cancel(id);
    await clock.settle();
    expect(coordinator.send(id, { type: "approve" })).toEqual({ accepted: false, reason: "final", accepts: [] });
    expect(() => coordinator.send(id, {} as never)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID", field: "event" }));
    await coordinator.close();
  });

  it("send cannot play a timer or an actor of the machine", async () => {
    const clock = new VirtualClock();
    const machine = createMachine({ id: "m", initial: "a", states: { a: { after: { 1000: "b" } }, b: { type: "final" } } });
    const coordinator = createCoordinator({ orchestrator: machine, clock });
    const id = await coordinator.start(undefined as never);
    await clock.settle();
    for (const type of ["xstate.after.1000.m.a", "xstate.stop", "*", "xstate.init", ""]) {
      expect(coordinator.send(id, { type }), type).toEqual({ accepted: false, reason: "notAccepted", accepts: [] });
    }
    await coordinator.close({ mode: "cancel" });
  });

  it("holds no slot while it waits; what comes meanwhile is held, and acted on in order once it has one, ahead of queued work", async () => {
    const { clock, coordinator } = createApprovals(1);
    const first = await coordinator.start({ item: "one" });
    const second = await coordinator.start({ item: "two" });
    await clock.settle();
    expect(coordinator.stats.get().context).toMatchObject({ slotsTaken: 0, waiting: 2, running: 2 });
    coordinator.send(second, { type: "approve" });
    await clock.settle();
    const third = await coordinator.start({ item: "three" });
    coordinator.send(first, { type: "note", text: "a" });
    coordinator.send(first, { type: "note", text: "b" });
    coordinator.send(first, { type: "approve" });
    await clock.settle();
    expect(coordinator.getStatus(first)).toMatchObject({ state: "running.waiting", progress: "asking" });
    expect(coordinator.getStatus(third)?.state).toBe("queued.ready");
    await clock.advance(100);
    expect(coordinator.getStatus(second)?.status).toBe("completed");
    expect(coordinator.getStatus(first)).toMatchObject({ state: "running.working", progress: "approved" });
    expect(coordinator.getStatus(third)?.state).toBe("queued.ready");
    await clock.advance(100);
    await expect(coordinator.waitFor(first)).resolves.toBe("one a+b");
    await coordinator.close({ mode: "cancel" });
  });

  it("a second held signal is judged by the state that the first one leads to", async () => {
    const { clock, coordinator } = createApprovals(1);
    const held = await coordinator.start({ item: "held" });
    const busy = await coordinator.start({ item: "busy" });
    await clock.settle();
    coordinator.send(busy, { type: "approve" });
    await clock.settle();
    expect(coordinator.send(held, { type: "approve" })).toEqual({ accepted: true });
    expect(coordinator.send(held, { type: "approve" })).toEqual({ accepted: false, reason: "notAccepted", accepts: ["reopen"] });
    expect(coordinator.send(held, { type: "reopen" })).toEqual({ accepted: true });
    expect(coordinator.send(held, { type: "reject" })).toEqual({ accepted: true });
    await clock.advance(100);
    expect(coordinator.getStatus(held)).toMatchObject({ progress: "rejected", state: "running.working" });
    await coordinator.close({ mode: "cancel" });
  });

  it("a timer that is due while it waits without a slot is held, too", async () => {
    const { clock, coordinator } = createApprovals(1);
    const first = await coordinator.start({ item: "first" });
    await clock.advance(9_950);
    const second = await coordinator.start({ item: "second" });
    await clock.settle();
    coordinator.send(second, { type: "approve" });
    await clock.advance(60);
    expect(coordinator.getStatus(first)).toMatchObject({ state: "running.waiting", progress: "asking" });
    await clock.advance(40);
    expect(coordinator.getStatus(second)?.status).toBe("completed");
    expect(coordinator.getStatus(first)).toMatchObject({ state: "running.working", progress: "rejected" });
    await coordinator.close({ mode: "cancel" });
  });

  it("time in waiting does not count towards timeoutMs", async () => {
    const { clock, coordinator } = createApprovals(1);
    const id = await coordinator.start({ item: "slow" }, { timeoutMs: 50 });
    await clock.advance(5_000);
    expect(coordinator.getStatus(id)?.state).toBe("running.waiting");
    coordinator.send(id, { type: "approve" });
    await clock.advance(49);
    expect(coordinator.getStatus(id)?.state).toBe("running.working");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { code: "EXECUTION_TIMEOUT" } });
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it("whose own invoke moves it on counts at once, even above the limit, and nobody is admitted until the count is below", async () => {
    const resolvers: (() => void)[] = [];
    const machine = setup({
      actors: { outside: fromPromise(() => new Promise<void>((resolve) => resolvers.push(resolve))) },
    }).createMachine({
      initial: "asking",
      states: {
        asking: { tags: "waiting", invoke: { src: "outside", onDone: "working" } },
        working: { on: { finish: "done" } },
        done: { type: "final" },
      },
    });
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: machine, maxConcurrent: 1, clock, generateId: sequentialIds("m") });
    for (let count = 0; count < 2; count += 1) await coordinator.start(undefined);
    await clock.settle();
    expect(resolvers).toHaveLength(2);
    for (const resolve of resolvers) resolve();
    await clock.settle();
    expect(coordinator.stats.get().context).toMatchObject({ slotsTaken: 2, waiting: 0, running: 2 });
    await coordinator.start(undefined);
    coordinator.send("m1", { type: "finish" });
    await clock.settle();
    expect(coordinator.getStatus("m3")?.status).toBe("queued");
    coordinator.send("m2", { type: "finish" });
    await clock.settle();
    expect(coordinator.getStatus("m3")?.status).toBe("running");
    await coordinator.close({ mode: "cancel" });
  });

  it("cancel stops it and aborts its promise actors, waiting for a slot or not", async () => {
    const signals: AbortSignal[] = [];
    const machine = setup({
      actors: {
        work: fromPromise(({ signal }) => {
          signals.push(signal);
          return new Promise(() => {});
        }),
      },
    }).createMachine({ invoke: { src: "work" } });
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: machine, clock });
    const id = await coordinator.start(undefined);
    await clock.settle();
    await coordinator.cancel(id);
    await clock.settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(coordinator.getStatus(id)?.status).toBe("cancelled");
    await coordinator.close();
  });

  it("with hundreds of timers, a thousand executions complete, and no timer is left", async () => {
    const after = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [100 + index, index === 0 ? "end" : "late"]));
    const machine = createMachine({ initial: "start", states: { start: { after }, late: {}, end: { type: "final" } } });
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: machine, maxConcurrent: 50, clock });
    for (let count = 0; count < 1_000; count += 1) await coordinator.start(undefined as never);
    await clock.advance(100 * 20);
    expect(coordinator.counts()).toMatchObject({ completed: 1_000, total: 1_000 });
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });
});

describe("a machine that does not behave", () => {
  const thrower = (what: string) => () => {
    throw new Error(what);
  };
  const badMachines = {
    "whose context throws": createMachine({ context: thrower("of the context") as never }),
    "whose entry action throws at start": createMachine({ entry: thrower("of the entry") }),
    "whose guard throws": createMachine({
      initial: "a",
      states: { a: { after: { 10: { guard: thrower("of the guard"), target: "b" } } }, b: {} },
    }),
    "whose invoked promise fails": createMachine({ invoke: { src: fromPromise(async () => thrower("of the promise")()) } }),
    "whose spawned child fails": createMachine({ entry: spawnChild(fromPromise(async () => thrower("of the child")())) }),
    "whose callback actor throws": createMachine({ invoke: { src: fromCallback(thrower("of the callback")) } }),
  };

  it.each(Object.entries(badMachines))("%s fails with that error, alone, and leaves no timer", async (_, machine) => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: machine as AnyStateMachine, clock });
    const id = await coordinator.start(undefined);
    await clock.advance(10);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { message: expect.stringMatching(/^of the |guard/) } });
    expect(coordinator.stats.get().context.slotsTaken).toBe(0);
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it("whose initial state is final completes", async () => {
    const clock = new VirtualClock();
    const machine = createMachine({ initial: "end", states: { end: { type: "final" } }, output: "at once" });
    const coordinator = createCoordinator({ orchestrator: machine, clock });
    const id = await coordinator.start(undefined as never);
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "completed", result: "at once" });
    await coordinator.close();
  });

  it("with a systemId runs many times at once", async () => {
    const clock = new VirtualClock();
    const machine = setup({ actors: { work: fromPromise(async () => "x") } }).createMachine({
      initial: "a",
      states: { a: { invoke: { src: "work", systemId: "the one", onDone: "b" } }, b: { type: "final" } },
    });
    const coordinator = createCoordinator({ orchestrator: machine, clock });
    await coordinator.startMany(Array.from({ length: 20 }, () => ({ input: undefined })));
    await clock.settle();
    expect(coordinator.counts().completed).toBe(20);
    await coordinator.close();
  });

  it("with spawned children stops them when it is cancelled", async () => {
    const clock = new VirtualClock();
    let alive = 0;
    const child = fromCallback(() => {
      alive += 1;
      return () => {
        alive -= 1;
      };
    });
    const machine = setup({ actors: { child } }).createMachine({
      context: ({ spawn }) => ({ children: [spawn("child"), spawn("child")] }),
      on: { ping: { actions: sendTo(({ context }) => context.children[0] as never, { type: "ping" } as never) } },
    });
    const coordinator = createCoordinator({ orchestrator: machine, clock });
    const id = await coordinator.start(undefined);
    await clock.settle();
    expect(alive).toBe(2);
    coordinator.send(id, { type: "ping" });
    await coordinator.cancel(id);
    await clock.settle();
    expect(alive).toBe(0);
    await coordinator.close();
  });

  it.each(["waiting", "working"])(
    "whose cleanup throws when it is cancelled while %s is cancelled all the same, and nothing reaches the process",
    async (tag) => {
      const uncaught: unknown[] = [];
      const catchIt = (error: unknown) => uncaught.push(error);
      const before = process.listeners("uncaughtException");
      process.removeAllListeners("uncaughtException");
      process.on("uncaughtException", catchIt);
      try {
        const clock = new VirtualClock();
        const machine = createMachine({ tags: [tag], invoke: { src: fromCallback(() => thrower("of the cleanup")) } });
        const coordinator = createCoordinator({ orchestrator: machine, clock, cancelGraceMs: 100 });
        const id = await coordinator.start(undefined as never);
        await clock.settle();
        await coordinator.cancel(id);
        await clock.advance(100);
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(coordinator.getStatus(id)?.status).toBe("cancelled");
        expect(coordinator.getStatus(id)?.abandoned).toBeUndefined();
        await coordinator.close();
      } finally {
        process.removeListener("uncaughtException", catchIt);
        for (const listener of before) process.on("uncaughtException", listener);
      }
      expect(uncaught).toEqual([]);
    },
  );
});
