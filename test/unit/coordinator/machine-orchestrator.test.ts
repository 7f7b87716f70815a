import { describe, expect, it } from "vitest";
import { assign, fromPromise, sendTo, setup } from "xstate";
import { createCoordinator } from "../../../src/index.ts";
import { sequentialIds, VirtualClock } from "../../../src/testing/index.ts";

const approval = setup({
  types: { input: {} as { amount: number }, context: {} as { amount: number; log: string[] }, output: {} as string },
  actions: { note: assign({ log: ({ context }, { what }: { what: string }) => [...context.log, what] }) },
}).createMachine({
  context: ({ input }) => ({ ...input, log: [] }),
  initial: "asking",
  states: {
    asking: {
      tags: "waiting",
      on: {
        approve: { guard: ({ context }) => context.amount < 1_000, target: "paying" },
        reject: "refused",
        comment: { actions: { type: "note", params: { what: "comment" } } },
      },
      after: { 10000: "refused" },
    },
    paying: { after: { 100: "paid" } },
    paid: { type: "final", entry: { type: "note", params: { what: "paid" } } },
    refused: { type: "final", entry: { type: "note", params: { what: "refused" } } },
  },
  output: ({ context }) => context.log.join(" "),
});

function world<M extends Parameters<typeof createCoordinator>[0]["orchestrator"]>(orchestrator: M, maxConcurrent = 1) {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const coordinator = createCoordinator({
    orchestrator,
    maxConcurrent,
    clock,
    generateId: sequentialIds("m-"),
    onError: (error) => errors.push(error),
  });
  return { clock, coordinator, errors };
}

describe("a machine as orchestrator", () => {
  it("gets the start's input, shows its state value as progress, and its output is the result", async () => {
    const { clock, coordinator } = world(approval);
    const id = await coordinator.start({ amount: 5 });
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.waiting", progress: "asking" });
    expect(coordinator.send(id, { type: "approve" })).toEqual({ accepted: true });
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.working", progress: "paying" });
    await clock.advance(100);
    expect(await coordinator.waitFor(id)).toBe("paid");
    await coordinator.close();
  });

  it("answers a signal that its state refuses with those it accepts, and one for nobody with the reason", async () => {
    const { coordinator, clock } = world(approval);
    const rich = await coordinator.start({ amount: 5_000 });
    const refusal = { accepted: false, reason: "notAccepted", accepts: ["approve", "comment", "reject"] };
    expect(coordinator.send(rich, { type: "shred" })).toEqual(refusal);
    expect(coordinator.send(rich, { type: "approve" })).toEqual(refusal);
    expect(coordinator.send("nobody", { type: "approve" })).toEqual({ accepted: false, reason: "unknown", accepts: [] });
    coordinator.send(rich, { type: "reject" });
    await clock.settle();
    expect(coordinator.send(rich, { type: "approve" })).toEqual({ accepted: false, reason: "final", accepts: [] });
    expect(() => coordinator.send(rich, "approve" as never)).toThrow(expect.objectContaining({ field: "event" }));
    await coordinator.close();
  });

  it("holds no slot in a state tagged waiting", async () => {
    const { coordinator, clock } = world(approval, 1);
    await coordinator.startMany(Array.from({ length: 50 }, () => ({ input: { amount: 1 } })));
    await clock.settle();
    expect(coordinator.stats.get().context).toMatchObject({ running: 50, waiting: 50, slotsTaken: 0, queued: 0 });
    await coordinator.close({ mode: "cancel" });
  });

  it("acts on signals only with a slot, ahead of queued work, and each later signal is judged by what the held ones lead to", async () => {
    const { coordinator, clock } = world(approval, 1);
    const [first, second, third] = (await coordinator.startMany([1, 2, 3].map((amount) => ({ input: { amount } })))) as [
      string,
      string,
      string,
    ];
    coordinator.send(first, { type: "approve" });
    expect(coordinator.send(second, { type: "comment" })).toEqual({ accepted: true });
    expect(coordinator.send(second, { type: "approve" })).toEqual({ accepted: true });
    expect(coordinator.send(second, { type: "approve" })).toEqual({ accepted: false, reason: "notAccepted", accepts: [] });
    const queued = await coordinator.start({ amount: 4 });
    expect(coordinator.getStatus(second)).toMatchObject({ state: "running.waiting", progress: "asking" });
    expect(coordinator.getStatus(queued)?.status).toBe("queued");
    await clock.advance(100);
    expect(coordinator.getStatus(first)?.status).toBe("completed");
    expect(coordinator.getStatus(second)).toMatchObject({ state: "running.working", progress: "paying" });
    expect(coordinator.getStatus(queued)?.status).toBe("queued");
    await clock.advance(100);
    expect(await coordinator.waitFor(second)).toBe("comment paid");
    expect(coordinator.getStatus(third)?.state).toBe("running.waiting");
    await coordinator.close({ mode: "cancel" });
  });

  it("holds its timers, too, until it has a slot again", async () => {
    const { coordinator, clock } = world(approval, 1);
    const waiting = await coordinator.start({ amount: 1 });
    await clock.advance(9_950);
    const busy = await coordinator.start({ amount: 1 });
    coordinator.send(busy, { type: "approve" });
    await clock.advance(60);
    expect(coordinator.getStatus(waiting)?.state).toBe("running.waiting");
    await clock.advance(40);
    expect(await coordinator.waitFor(waiting)).toBe("refused");
    await coordinator.close();
  });

  it("that its own invoke moves on counts at once, even above the limit, and nothing else is admitted until the count is below", async () => {
    const gates = new Map<string, () => void>();
    const machine = setup({
      actors: { outside: fromPromise(({ input }: { input: string }) => new Promise<void>((resolve) => gates.set(input, resolve))) },
    }).createMachine({
      initial: "listening",
      states: {
        listening: { tags: "waiting", invoke: { src: "outside", input: ({ self }) => self.id, onDone: "working" } },
        working: { after: { 100: "done" } },
        done: { type: "final" },
      },
    });
    const { coordinator, clock } = world(machine, 1);
    const [first, second] = (await coordinator.startMany([{ input: undefined }, { input: undefined }])) as [string, string];
    gates.get(first)?.();
    gates.get(second)?.();
    await clock.settle();
    expect(coordinator.stats.get().context).toMatchObject({ slotsTaken: 2, waiting: 0 });
    const third = await coordinator.start(undefined);
    expect(coordinator.getStatus(third)?.status).toBe("queued");
    await clock.advance(100);
    expect(coordinator.counts()).toMatchObject({ completed: 2, running: 1 });
    await coordinator.close({ mode: "cancel" });
  });

  it("whose invoke ends it straight from waiting leaves nothing counted as waiting", async () => {
    const machine = setup({ actors: { outside: fromPromise(async () => {}) } }).createMachine({
      initial: "listening",
      states: { listening: { tags: "waiting", invoke: { src: "outside", onDone: "done" } }, done: { type: "final" } },
    });
    const { coordinator, clock } = world(machine);
    await coordinator.start(undefined);
    await clock.settle();
    expect(coordinator.stats.get().context).toMatchObject({ completed: 1, waiting: 0, slotsTaken: 0 });
    await coordinator.close();
  });

  it("is stopped by a cancel, and its promise actors are aborted", async () => {
    const signals: AbortSignal[] = [];
    const machine = setup({
      actors: {
        work: fromPromise(({ signal }) => {
          signals.push(signal);
          return new Promise(() => {});
        }),
      },
    }).createMachine({ invoke: { src: "work" } });
    const { coordinator, clock } = world(machine);
    const id = await coordinator.start(undefined);
    await coordinator.cancel(id);
    await clock.settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled" });
    expect(coordinator.getStatus(id)?.abandoned).toBeUndefined();
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it.each([
    [
      "an action throws",
      setup({
        actions: {
          break: () => {
            throw new Error("broken action");
          },
        },
      }).createMachine({ entry: "break" }),
      "broken action",
    ],
    [
      "an invoked actor rejects",
      setup({ actors: { fail: fromPromise(() => Promise.reject(new Error("broken actor"))) } }).createMachine({ invoke: { src: "fail" } }),
      "broken actor",
    ],
    [
      "its context cannot be made",
      setup({}).createMachine({
        context: () => {
          throw new Error("broken context");
        },
      }),
      "broken context",
    ],
  ])("fails its execution when %s", async (_, machine, message) => {
    const { coordinator, clock } = world(machine);
    const id = await coordinator.start(undefined as never);
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { message } });
    await coordinator.close();
  });

  it("that begins in its final state is completed", async () => {
    const { coordinator } = world(
      setup({ types: { output: {} as number } }).createMachine({ initial: "done", states: { done: { type: "final" } }, output: 7 }),
    );
    expect(await coordinator.waitFor(await coordinator.start(undefined))).toBe(7);
    await coordinator.close();
  });

  it("may use a systemId and speak with its own actors: each execution is a system of its own", async () => {
    const child = setup({}).createMachine({ on: { ping: { actions: sendTo(({ system }) => system.get("parent"), { type: "pong" }) } } });
    const machine = setup({ actors: { child } }).createMachine({
      invoke: { src: "child", id: "child", systemId: "helper" },
      initial: "asking",
      states: { asking: { entry: sendTo("child", { type: "ping" }), after: { 10: "done" } }, done: { type: "final" } },
    });
    const { coordinator, clock } = world(machine, 20);
    await coordinator.startMany(Array.from({ length: 20 }, () => ({ input: undefined })));
    await clock.advance(10);
    expect(coordinator.counts()).toMatchObject({ completed: 20 });
    await coordinator.close();
  });

  it("whose guard throws at a signal refuses it, reports the error, and goes on", async () => {
    const machine = setup({}).createMachine({
      on: {
        go: {
          guard: () => {
            throw new Error("broken guard");
          },
          actions: () => {},
        },
      },
    });
    const { coordinator, errors } = world(machine);
    const id = await coordinator.start(undefined);
    expect(coordinator.send(id, { type: "go" })).toMatchObject({ accepted: false, reason: "notAccepted" });
    expect(String(errors[0])).toContain("broken guard");
    expect(coordinator.getStatus(id)?.status).toBe("running");
    await coordinator.close({ mode: "cancel" });
  });

  it("has its time limit stand still while it waits", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: approval, clock, timeoutMs: 90 });
    const id = await coordinator.start({ amount: 1 });
    await clock.advance(5_000);
    coordinator.send(id, { type: "approve" });
    await clock.advance(89);
    expect(coordinator.getStatus(id)?.state).toBe("running.working");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { code: "EXECUTION_TIMEOUT" } });
    await coordinator.close();
  });

  it("a thousand times with hundreds of timers each runs every one of them", async () => {
    const regions = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `r${index}`,
        { initial: "x", states: { x: { after: { [100 + index]: "y" } }, y: { type: "final" as const } } },
      ]),
    );
    const { coordinator, clock } = world(setup({}).createMachine({ type: "parallel", states: regions }), 1_000);
    await coordinator.startMany(Array.from({ length: 1_000 }, () => ({ input: undefined })));
    expect(clock.pending).toBe(20_000);
    await clock.advance(120);
    expect(coordinator.counts()).toMatchObject({ completed: 1_000 });
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });
});
