import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import type { CoordinatorSnapshot } from "../../../src/core/coordinator-snapshot.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { createManualSetup, type ManualSetup } from "./manual-setup.ts";

const snapshotOf = ({ coordinator }: ManualSetup): CoordinatorSnapshot =>
  JSON.parse(JSON.stringify(coordinator.supervisor.getPersistedSnapshot()));

describe("R17: waitFor", () => {
  it("gives the result, before and after the end, and rejects with what became of it", async () => {
    const { clock, work, coordinator } = createManualSetup();
    for (const id of ["a", "b", "c"]) await coordinator.start(id, { id });
    const early = coordinator.waitFor("a");
    const cause = new Error("no");
    await clock.settle();
    work.complete("a", 1);
    work.fail("b", cause);
    await coordinator.cancel("c");
    expect([await early, await coordinator.waitFor("a")]).toEqual([1, 1]);
    await expect(coordinator.waitFor("b")).rejects.toMatchObject({ code: "EXECUTION_FAILED", cause });
    await expect(coordinator.waitFor("c")).rejects.toMatchObject({ code: "EXECUTION_CANCELLED" });
    await expect(coordinator.waitFor("x")).rejects.toMatchObject({ code: "EXECUTION_NOT_FOUND" });
    await coordinator.close();
  });

  it("gives up after timeoutMs or when its signal is aborted; the execution goes on and no timer is left", async () => {
    const { clock, coordinator } = createManualSetup();
    const id = await coordinator.start(1);
    await clock.settle();
    const controller = new AbortController();
    const byTime = expect(coordinator.waitFor(id, { timeoutMs: 10 })).rejects.toMatchObject({ code: "WAIT_TIMEOUT", timeoutMs: 10 });
    const bySignal = expect(coordinator.waitFor(id, { signal: controller.signal, timeoutMs: 99 })).rejects.toBe("enough");
    controller.abort("enough");
    await clock.advance(10);
    await Promise.all([byTime, bySignal]);
    expect(coordinator.getStatus(id)?.status).toBe("running");
    expect(clock.pending).toBe(0);
    await coordinator.close({ mode: "cancel" });
  });

  it("those who waited before the record was removed get the outcome", async () => {
    const { clock, work, coordinator } = createManualSetup({ retention: { maxCount: 0 } });
    const id = await coordinator.start(1);
    const end = coordinator.waitFor(id);
    await clock.settle();
    work.complete(id, 1);
    expect(await end).toBe(1);
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_NOT_FOUND" });
    await coordinator.close();
  });
});

describe("R17: drain and close", () => {
  it("drain resolves when nothing is live, and starts stay allowed", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const id = await coordinator.start(1);
    let drained = false;
    const drain = coordinator.drain().then(() => {
      drained = true;
    });
    await clock.settle();
    expect(drained).toBe(false);
    work.complete(id, 1);
    await drain;
    await expect(coordinator.start(2)).resolves.toBeDefined();
    await coordinator.close({ mode: "cancel" });
  });

  it("drain mode finishes what is queued and running, also while paused", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({ orchestrator: async (input: number) => input, maxConcurrent: 1, clock });
    coordinator.pause();
    await coordinator.startMany([{ input: 1 }, { input: 2 }, { input: 3, options: { delayMs: 50 } }]);
    const closing = coordinator.close();
    await clock.advance(50);
    expect(await closing).toEqual({ drained: 3, cancelled: 0, released: 0, abandoned: 0 });
    expect(coordinator.stats.get().context.mode).toBe("closed");
    expect(clock.pending).toBe(0);
  });

  it("drain mode cancels at the deadline what is left", async () => {
    const { clock, coordinator } = createManualSetup({ maxConcurrent: 1 });
    await coordinator.startMany([{ input: 1 }, { input: 2 }]);
    const closing = coordinator.close({ deadlineMs: 100 });
    await clock.advance(100);
    expect(await closing).toEqual({ drained: 0, cancelled: 2, released: 0, abandoned: 0 });
    expect(clock.pending).toBe(0);
  });

  it("cancel mode cancels at once, and abandons at the deadline", async () => {
    const { clock, work, coordinator } = createManualSetup({ honoursCancel: false });
    const id = await coordinator.start(1);
    await clock.settle();
    const closing = coordinator.close({ mode: "cancel", deadlineMs: 100 });
    await clock.advance(100);
    expect(await closing).toMatchObject({ abandoned: 1 });
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", abandoned: true });
    work.complete(id, 1);
  });

  it("release mode aborts what runs, gives all back, and those who wait are told", async () => {
    const setup = createManualSetup({ maxConcurrent: 1 });
    const { clock, work, coordinator } = setup;
    const [running, queued] = (await coordinator.startMany([{ input: 1 }, { input: 2 }])) as [string, string];
    const waits = [running, queued].map((id) => expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" }));
    const drain = expect(coordinator.drain()).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
    await clock.settle();
    expect(await coordinator.close({ mode: "release" })).toEqual({ drained: 0, cancelled: 0, released: 2, abandoned: 0 });
    await Promise.all([...waits, drain]);
    expect(work.signalOf(running).aborted).toBe(true);
    expect(snapshotOf(setup).executions.map((execution) => ("id" in execution ? execution.id : undefined))).toEqual([running, queued]);
    expect(clock.pending).toBe(0);
  });

  it("await using closes", async () => {
    const { coordinator } = createManualSetup();
    await coordinator[Symbol.asyncDispose]();
    await expect(coordinator.start(1)).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
  });
});

describe("R13, R14, R18: list, cleanup, retention", () => {
  it("lists in start order by status, group and tag, in pages", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 2 });
    for (let index = 0; index < 7; index += 1)
      await coordinator.start(index, { group: index % 2 ? "odd" : "even", tags: [`t${index % 3}`] });
    await clock.settle();
    work.complete("e2", 1);
    await clock.settle();
    const ids = (query: object) => coordinator.list(query).items.map(({ id }) => id);
    expect(ids({})).toEqual(["e1", "e2", "e3", "e4", "e5", "e6", "e7"]);
    expect(ids({ status: "running" })).toEqual(["e1", "e3"]);
    expect(ids({ group: "odd", tag: "t1" })).toEqual(["e2"]);
    const page = coordinator.list({ limit: 4 });
    expect(coordinator.list({ cursor: page.nextCursor as string }).items.map(({ id }) => id)).toEqual(["e5", "e6", "e7"]);
    expect(coordinator.list({ limit: 7 }).nextCursor).toBeUndefined();
    const newest = coordinator.list({ order: "newest", limit: 4 });
    expect(newest.items.map(({ id }) => id)).toEqual(["e7", "e6", "e5", "e4"]);
    expect(ids({ order: "newest", cursor: newest.nextCursor })).toEqual(["e3", "e2", "e1"]);
    expect(ids({ order: "newest", group: "even", status: "queued" })).toEqual(["e7", "e5"]);
    expect(ids({ order: "oldest", limit: 1 })).toEqual(["e1"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("cleanup removes what ended strictly earlier, an hour by default, and never what is live", async () => {
    const { clock, work, coordinator } = createManualSetup({ retention: { maxAgeMs: Number.POSITIVE_INFINITY } });
    await coordinator.start(1);
    await coordinator.start(2);
    await clock.settle();
    work.complete("e1", 1);
    await clock.advance(3_600_000);
    expect(await coordinator.cleanup()).toBe(0);
    await clock.advance(1);
    expect(await coordinator.cleanup()).toBe(1);
    expect(coordinator.list().items.map(({ id }) => id)).toEqual(["e2"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("retention removes by age without being asked, and tells it", async () => {
    const { clock, work, coordinator, told } = createManualSetup({ retention: { maxAgeMs: 100 } });
    await coordinator.start(1);
    await clock.settle();
    work.complete("e1", 1);
    await clock.advance(100);
    expect(coordinator.counts().total).toBe(1);
    await clock.advance(1);
    expect(coordinator.counts().total).toBe(0);
    expect(told().at(-1)).toBe("removed e1");
    await coordinator.close();
  });

  it("of 10 000 executions with maxCount 100, 100 records are left and no timer", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({
      orchestrator: async (input: number) => input,
      retention: { maxCount: 100 },
      timeoutMs: 1_000,
      clock,
    });
    let most = 0;
    for (let round = 0; round < 100; round += 1) {
      await coordinator.startMany(
        Array.from({ length: 100 }, (_, input) => ({ input, options: { group: `g${input}`, tags: [`t${input}`] } })),
      );
      await coordinator.drain();
      most = Math.max(most, coordinator.counts().total);
    }
    expect(most).toBe(100);
    expect(coordinator.list({ limit: 1_000 }).items).toHaveLength(100);
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });
});

describe("idempotency keys", () => {
  it("give the first id for an equal input, refuse another input, and are free once the record is gone", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const id = await coordinator.start({ a: [1] }, { idempotencyKey: "k" });
    expect(await coordinator.start({ a: [1] }, { idempotencyKey: "k" })).toBe(id);
    await expect(coordinator.start({ a: [2] }, { idempotencyKey: "k" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
      executionId: id,
    });
    await clock.settle();
    work.complete(id, 1);
    await clock.advance(1);
    expect(await coordinator.start({ a: [1] }, { idempotencyKey: "k" })).toBe(id);
    await coordinator.cleanup({ olderThanMs: 0 });
    expect(await coordinator.start({ a: [2] }, { idempotencyKey: "k" })).not.toBe(id);
    await coordinator.close({ mode: "cancel" });
  });

  it("twice in one startMany is one execution", async () => {
    const { coordinator } = createManualSetup();
    const entry = { input: 1, options: { idempotencyKey: "k" } };
    const [first, second] = await coordinator.startMany([entry, entry]);
    expect(first).toBe(second);
    expect(coordinator.counts().total).toBe(1);
    await coordinator.close({ mode: "cancel" });
  });
});

describe("persisted snapshot", () => {
  it("brings back running as queued with its attempt counted, delays with their due time, and what had ended with its keys", async () => {
    const setup = createManualSetup({ maxConcurrent: 2, timeoutMs: 5_000 });
    const { clock, work, coordinator } = setup;
    await coordinator.start("done", { idempotencyKey: "k" });
    await coordinator.start("running", { group: "g", tags: ["t"], priority: 3 });
    await coordinator.start("delayed", { delayMs: 1_000 });
    await coordinator.start("queued");
    await clock.settle();
    work.complete("e1", { ok: true });
    await clock.advance(400);
    const snapshot = snapshotOf(setup);
    const later = new VirtualClock({ now: 600 });
    const again = createManualSetup({ snapshot, maxConcurrent: 1, clock: later, generateId: () => "new" });
    await again.coordinator.start("new");
    await later.settle();
    expect(again.coordinator.getStatus("e1")).toMatchObject({ status: "completed", result: { ok: true } });
    expect(again.coordinator.getStatus("e2")).toMatchObject({
      state: "running.working",
      attempt: 2,
      takeovers: 1,
      group: "g",
      tags: ["t"],
    });
    expect(await again.coordinator.start("done", { idempotencyKey: "k" })).toBe("e1");
    again.coordinator.setMaxConcurrent(10);
    await later.advance(399);
    expect(again.coordinator.getStatus("e3")?.state).toBe("queued.delayed");
    await later.advance(1);
    expect(again.coordinator.getStatus("e3")?.status).toBe("running");
    await coordinator.close({ mode: "cancel" });
    await again.coordinator.close({ mode: "cancel" });
  });

  it("does not bring back to life what was being cancelled", async () => {
    const setup = createManualSetup({ honoursCancel: false });
    const id = await setup.coordinator.start(1);
    await setup.clock.settle();
    expect(await setup.coordinator.cancel(id)).toBe(true);
    const again = createManualSetup({ snapshot: snapshotOf(setup) });
    await again.clock.settle();
    expect(again.work.calls).toEqual([]);
    setup.work.complete(id, 1);
    await setup.coordinator.close();
    await again.coordinator.close({ mode: "cancel" });
  });

  it("keeps the order of start in the list", async () => {
    const setup = createManualSetup();
    await setup.coordinator.startMany([{ input: 1 }, { input: 2 }, { input: 3 }]);
    await setup.clock.settle();
    setup.work.complete("e2", 1);
    await setup.clock.settle();
    const again = createManualSetup({ snapshot: snapshotOf(setup) });
    expect(again.coordinator.list().items.map(({ id }) => id)).toEqual(["e1", "e2", "e3"]);
    await setup.coordinator.close({ mode: "cancel" });
    await again.coordinator.close({ mode: "cancel" });
  });

  it("waitFor rejects with the same kind of error as before", async () => {
    const setup = createManualSetup({ timeoutMs: 10 });
    await setup.coordinator.start(1);
    await setup.clock.advance(10);
    const again = createManualSetup({ snapshot: snapshotOf(setup) });
    await expect(setup.coordinator.waitFor("e1")).rejects.toMatchObject({ code: "EXECUTION_TIMEOUT" });
    await expect(again.coordinator.waitFor("e1")).rejects.toMatchObject({ code: "EXECUTION_TIMEOUT" });
    await setup.coordinator.close();
    await again.coordinator.close();
  });

  it.each([[() => {}], [new Map()], [1n], [{ deep: [Number.NaN] }]])(
    "of an input that is not JSON (%o) is refused, naming the execution",
    async (input) => {
      const setup = createManualSetup();
      await setup.coordinator.start(input, { id: "odd one" });
      expect(() => setup.coordinator.supervisor.getPersistedSnapshot()).toThrow(
        expect.objectContaining({ code: "SERIALIZATION_FAILED", message: expect.stringContaining("odd one") }),
      );
      await setup.coordinator.close({ mode: "cancel" });
    },
  );
});

describe("events()", () => {
  it("a reader that is too far behind is told how many it missed, and memory stays bounded", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const events = coordinator.events();
    const id = await coordinator.start(1);
    await clock.settle();
    for (let step = 0; step < 25_000; step += 1) work.progress(id, step);
    expect(await events.next()).toEqual({ done: false, value: { type: "events.overflowed", dropped: 15_002 } });
    expect(await events.next()).toMatchObject({ value: { progress: 15_000 } });
    await coordinator.close({ mode: "cancel" });
    let left = 0;
    for await (const _ of events) left += 1;
    expect(left).toBeLessThanOrEqual(10_001);
  });

  it("ends with its signal, with return and with close", async () => {
    const { coordinator } = createManualSetup();
    const controller = new AbortController();
    const [bySignal, byReturn, byClose] = [coordinator.events({ signal: controller.signal }), coordinator.events(), coordinator.events()];
    const pending = [bySignal.next(), byReturn.next(), byClose.next()];
    controller.abort();
    await byReturn.return?.();
    await coordinator.close();
    for (const next of pending) expect(await next).toEqual({ done: true, value: undefined });
  });
});
