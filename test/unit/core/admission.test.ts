import { describe, expect, it } from "vitest";
import { CapacityExceededError } from "../../../src/model/errors.ts";
import { createManualSetup } from "./manual-setup.ts";

describe("R2: maxConcurrent", () => {
  it("is 10 by default", async () => {
    const { clock, coordinator } = createManualSetup();
    for (let count = 0; count < 12; count += 1) await coordinator.start(count);
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ running: 10, queued: 2 });
    await coordinator.close({ mode: "cancel" });
  });

  it("limit 1: start, finish, start, cancel, start, fail, start are all accepted without cleanup", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1, maxQueued: 0 });
    const first = await coordinator.start(1);
    await clock.settle();
    work.complete(first, 1);
    await clock.settle();
    const second = await coordinator.start(2);
    await clock.settle();
    await coordinator.cancel(second);
    await clock.settle();
    const third = await coordinator.start(3);
    await clock.settle();
    work.fail(third, new Error("no"));
    await clock.settle();
    await expect(coordinator.start(4)).resolves.toBeDefined();
    await coordinator.close({ mode: "cancel" });
  });

  it("changed while running: a higher number admits at once, a lower one stops nobody and admits nobody until fewer run", async () => {
    const { clock, work, coordinator, begun } = createManualSetup({ maxConcurrent: 1 });
    const ids = await coordinator.startMany([1, 2, 3, 4, 5].map((input) => ({ input })));
    coordinator.setMaxConcurrent(3);
    await clock.settle();
    expect(begun()).toEqual(ids.slice(0, 3));
    coordinator.setMaxConcurrent(1);
    for (const id of ids.slice(0, 2)) {
      work.complete(id, 0);
      await clock.settle();
      expect(begun()).toHaveLength(3);
    }
    expect(coordinator.stats.get().context).toMatchObject({ maxConcurrent: 1, slotsTaken: 1 });
    work.complete(ids[2] as string, 0);
    await clock.settle();
    expect(begun()).toEqual(ids.slice(0, 4));
    await coordinator.close({ mode: "cancel" });
  });
});

describe("R3: maxQueued", () => {
  it("0: of 10 starts in one tick with limit 3, 3 run and 7 are refused without a record", async () => {
    const { clock, coordinator, events } = createManualSetup({ maxConcurrent: 3, maxQueued: 0 });
    const starts = await Promise.allSettled(Array.from({ length: 10 }, (_, input) => coordinator.start(input)));
    const refused = starts.filter((start) => start.status === "rejected");
    expect(refused).toHaveLength(7);
    for (const { reason } of refused) {
      expect(reason).toBeInstanceOf(CapacityExceededError);
      expect(reason).toMatchObject({ maxConcurrent: 3, maxQueued: 0, queued: 0 });
    }
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ running: 3, queued: 0, total: 3 });
    expect(events.filter(({ type }) => type === "execution.queued")).toHaveLength(3);
    await coordinator.close({ mode: "cancel" });
  });

  it("0 refuses a delayed start, and one whose group is full, although a slot is free", async () => {
    const { coordinator } = createManualSetup({ maxConcurrent: 3, maxQueued: 0, maxConcurrentPerGroup: 1 });
    await expect(coordinator.start(1, { delayMs: 1 })).rejects.toBeInstanceOf(CapacityExceededError);
    await coordinator.start(1, { group: "a" });
    await expect(coordinator.start(2, { group: "a" })).rejects.toBeInstanceOf(CapacityExceededError);
    await expect(coordinator.start(2, { group: "b" })).resolves.toBeDefined();
    await coordinator.close({ mode: "cancel" });
  });

  it("0 refuses while paused", async () => {
    const { coordinator } = createManualSetup({ maxQueued: 0 });
    coordinator.pause();
    await expect(coordinator.start(1)).rejects.toBeInstanceOf(CapacityExceededError);
    coordinator.resume();
    await expect(coordinator.start(1)).resolves.toBeDefined();
    await coordinator.close({ mode: "cancel" });
  });

  it("takes as many as there is room for, in slots and queue together, and startMany fits wholly or not at all", async () => {
    const { coordinator } = createManualSetup({ maxConcurrent: 2, maxQueued: 2 });
    await expect(coordinator.startMany([1, 2, 3, 4, 5].map((input) => ({ input })))).rejects.toBeInstanceOf(CapacityExceededError);
    expect(coordinator.counts().total).toBe(0);
    await expect(coordinator.startMany([1, 2, 3, 4].map((input) => ({ input })))).resolves.toHaveLength(4);
    await expect(coordinator.start(5)).rejects.toMatchObject({ queued: 2 });
    await coordinator.close({ mode: "cancel" });
  });

  it("never refuses a retry", async () => {
    const { clock, work, coordinator } = createManualSetup({
      maxConcurrent: 1,
      maxQueued: 0,
      retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 100, jitter: 0 } },
    });
    const first = await coordinator.start(1);
    await clock.settle();
    work.fail(first, new Error("again"));
    await clock.settle();
    expect(coordinator.getStatus(first)).toMatchObject({ state: "queued.delayed", error: { message: "again" } });
    await clock.advance(100);
    expect(coordinator.getStatus(first)).toMatchObject({ state: "running.working", attempt: 2 });
    await coordinator.close({ mode: "cancel" });
  });
});

describe("R4: slots", () => {
  it("every ending frees the slot at once and leaves no timer", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1, timeoutMs: 10_000, honoursCancel: true });
    const endings: ((id: string) => unknown)[] = [
      (id) => work.complete(id, 1),
      (id) => work.fail(id, new Error("no")),
      (id) => coordinator.cancel(id),
      () => clock.advance(10_000),
    ];
    for (let round = 0; round < 20; round += 1) {
      const id = await coordinator.start(round);
      await clock.settle();
      expect(coordinator.getStatus(id)?.status).toBe("running");
      await endings[round % endings.length]?.(id);
      await clock.settle();
      expect(coordinator.stats.get().context).toMatchObject({ slotsTaken: 0, running: 0, queued: 0 });
    }
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });
});

describe("R40: order of admission", () => {
  it("higher priority first, first in first out among equals", async () => {
    const { clock, coordinator, begun } = createManualSetup({ maxConcurrent: 1 });
    coordinator.pause();
    for (const [id, priority] of [
      ["a", 0],
      ["b", 5],
      ["c", 0],
      ["d", 5],
      ["e", -1],
    ] as const)
      await coordinator.start(id, { id, priority });
    coordinator.setMaxConcurrent(5);
    coordinator.resume();
    await clock.settle();
    expect(begun()).toEqual(["b", "d", "a", "c", "e"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("groups take turns among equals, however many of one group came first", async () => {
    const { clock, coordinator, begun } = createManualSetup();
    coordinator.pause();
    for (const id of ["a1", "a2", "a3", "b1", "b2", "c1"]) await coordinator.start(id, { id, group: id[0] as string });
    coordinator.resume();
    await clock.settle();
    expect(begun()).toEqual(["a1", "b1", "c1", "a2", "b2", "a3"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("a group at its limit holds nobody else up", async () => {
    const { clock, work, coordinator, begun } = createManualSetup({ maxConcurrentPerGroup: (group) => (group === "a" ? 1 : 2) });
    for (const id of ["a1", "a2", "b1", "b2", "b3", "x"])
      await coordinator.start(id, { id, ...(id !== "x" && { group: id[0] as string }) });
    await clock.settle();
    expect(begun()).toEqual(["a1", "b1", "b2", "x"]);
    work.complete("a1", 1);
    work.fail("b2", new Error("no"));
    await clock.settle();
    expect(begun().slice(4).sort()).toEqual(["a2", "b3"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("the limit of a group is asked for at each start, and the newest answer holds for all of it", async () => {
    let limit = 1;
    const { coordinator } = createManualSetup({ maxConcurrentPerGroup: () => limit });
    await coordinator.startMany([1, 2, 3].map((input) => ({ input, options: { group: "a" } })));
    expect(coordinator.counts()).toMatchObject({ running: 1, queued: 2 });
    limit = 3;
    await coordinator.start(4, { group: "a" });
    expect(coordinator.counts()).toMatchObject({ running: 3, queued: 1 });
    await coordinator.close({ mode: "cancel" });
  });

  it("a limit of a group that is no whole number refuses the start and leaves no trace", async () => {
    const { coordinator } = createManualSetup({ maxConcurrentPerGroup: () => 0.5 });
    await expect(coordinator.start(1, { group: "a" })).rejects.toMatchObject({ code: "OPTIONS_INVALID", received: 0.5 });
    expect(coordinator.counts().total).toBe(0);
    await coordinator.close();
  });
});

describe("rate limit, delay, pause", () => {
  it("within any span of intervalMs at most limit attempts begin", async () => {
    const { clock, coordinator } = createManualSetup({ maxConcurrent: 100, rateLimit: { limit: 2, intervalMs: 100 } });
    const begunAt: number[] = [];
    coordinator.on("execution.started", ({ at }) => begunAt.push(at));
    await coordinator.startMany([1, 2, 3, 4, 5].map((input) => ({ input })));
    await clock.advance(50);
    expect(begunAt).toEqual([0, 0]);
    await clock.advance(250);
    expect(begunAt).toEqual([0, 0, 100, 100, 200]);
    await coordinator.close({ mode: "cancel" });
    expect(clock.pending).toBe(0);
  });

  it("leaves no timer of the rate limit once nobody waits for it", async () => {
    const { clock, work, coordinator } = createManualSetup({
      rateLimit: { limit: 1, intervalMs: 1_000 },
      retention: { maxAgeMs: Number.POSITIVE_INFINITY },
    });
    const [first, second] = (await coordinator.startMany([{ input: 1 }, { input: 2 }])) as [string, string];
    await clock.settle();
    work.complete(first, 1);
    await coordinator.cancel(second);
    await clock.settle();
    expect(clock.pending).toBe(0);
    await coordinator.close();
  });

  it("a delayed start is queued.delayed until its time and then joins the end of its equals", async () => {
    const { clock, work, coordinator, begun } = createManualSetup({ maxConcurrent: 1 });
    await coordinator.start(1, { id: "late", delayMs: 100 });
    await coordinator.start(2, { id: "now" });
    await coordinator.start(3, { id: "next" });
    await clock.advance(99);
    expect(coordinator.getStatus("late")?.state).toBe("queued.delayed");
    await clock.advance(1);
    expect(coordinator.getStatus("late")?.state).toBe("queued.ready");
    work.complete("now", 1);
    await clock.settle();
    work.complete("next", 1);
    await clock.settle();
    expect(begun()).toEqual(["now", "next", "late"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("pause admits nothing more while what runs goes on, resume admits again", async () => {
    const { clock, work, coordinator, begun } = createManualSetup({ maxConcurrent: 1 });
    await coordinator.start(1, { id: "a" });
    await coordinator.start(2, { id: "b" });
    await clock.settle();
    coordinator.pause();
    coordinator.pause();
    work.complete("a", 1);
    await clock.settle();
    expect(coordinator.getStatus("a")?.status).toBe("completed");
    expect(begun()).toEqual(["a"]);
    expect(coordinator.stats.get().context).toMatchObject({ mode: "paused", queued: 1 });
    coordinator.resume();
    await clock.settle();
    expect(begun()).toEqual(["a", "b"]);
    await coordinator.close({ mode: "cancel" });
  });
});
