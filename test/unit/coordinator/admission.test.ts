import { describe, expect, it } from "vitest";
import { CapacityExceededError } from "../../../src/index.ts";
import { manualWorld } from "./new-coordinator.ts";

const statuses = (world: ReturnType<typeof manualWorld>) => world.coordinator.list().items.map(({ status }) => status);

describe("R1 start", () => {
  it("gives an id while the orchestrator is still open, and runs it with that input", async () => {
    const { coordinator, work } = manualWorld();
    const id = await coordinator.start("first");
    expect(work.isOpen(id)).toBe(true);
    expect(work.calls.map(({ input }) => input)).toEqual(["first"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("refuses an id whose record exists, finished or not, and takes it again once the record is gone", async () => {
    const { coordinator, work } = manualWorld();
    await coordinator.start("one", { id: "x" });
    await expect(coordinator.start("two", { id: "x" })).rejects.toMatchObject({ code: "EXECUTION_DUPLICATE", executionId: "x" });
    work.complete("x", "done");
    await coordinator.waitFor("x");
    await expect(coordinator.start("two", { id: "x" })).rejects.toMatchObject({ code: "EXECUTION_DUPLICATE" });
    await coordinator.close();
  });
});

describe("R2 maxConcurrent", () => {
  it("is 10 by default", async () => {
    const { coordinator } = manualWorld();
    await coordinator.startMany(Array.from({ length: 12 }, () => ({ input: "" })));
    expect(coordinator.counts()).toMatchObject({ running: 10, queued: 2 });
    await coordinator.close({ mode: "cancel" });
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3"])("refuses %s when the coordinator is made", (maxConcurrent) => {
    expect(() => manualWorld({ maxConcurrent: maxConcurrent as number })).toThrow(
      expect.objectContaining({ code: "OPTIONS_INVALID", field: "maxConcurrent", expected: "a whole number >= 1" }),
    );
  });

  it("at 1 accepts start after every kind of ending without cleanup (R4: each frees the slot at once)", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1, maxQueued: 0 });
    work.complete(await coordinator.start("finishes"), "");
    await clock.settle();
    await coordinator.cancel(await coordinator.start("is cancelled"));
    await clock.settle();
    work.fail(await coordinator.start("fails"), new Error("no"));
    await clock.settle();
    await coordinator.start("runs");
    expect(coordinator.list().items.map(({ status }) => status)).toEqual(["completed", "cancelled", "failed", "running"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("can be raised and lowered while executions run", async () => {
    const world = manualWorld({ maxConcurrent: 1 });
    const { coordinator, work, clock } = world;
    const ids = await coordinator.startMany([{ input: "" }, { input: "" }, { input: "" }, { input: "" }]);
    coordinator.setMaxConcurrent(3);
    await clock.settle();
    expect(statuses(world)).toEqual(["running", "running", "running", "queued"]);
    coordinator.setMaxConcurrent(1);
    work.complete(ids[0] as string, "");
    work.complete(ids[1] as string, "");
    await clock.settle();
    expect(statuses(world)).toEqual(["completed", "completed", "running", "queued"]);
    work.complete(ids[2] as string, "");
    await clock.settle();
    expect(statuses(world)).toEqual(["completed", "completed", "completed", "running"]);
    expect(() => coordinator.setMaxConcurrent(0)).toThrow(expect.objectContaining({ field: "maxConcurrent", received: 0 }));
    await coordinator.close({ mode: "cancel" });
  });
});

describe("R3 maxQueued", () => {
  it("of 0 lets 3 of 10 simultaneous starts in at a limit of 3 and refuses 7 without a trace", async () => {
    const { coordinator } = manualWorld({ maxConcurrent: 3, maxQueued: 0 });
    const starts = await Promise.allSettled(Array.from({ length: 10 }, () => coordinator.start("")));
    const refusals = starts.filter((start) => start.status === "rejected").map(({ reason }) => reason);
    expect(refusals).toHaveLength(7);
    for (const refusal of refusals) expect(refusal).toMatchObject({ maxConcurrent: 3, maxQueued: 0, queued: 0 });
    expect(refusals[0]).toBeInstanceOf(CapacityExceededError);
    expect(coordinator.counts()).toMatchObject({ running: 3, total: 3 });
    await coordinator.close({ mode: "cancel" });
  });

  it("counts delayed starts, and what runs into its group's limit", async () => {
    const { coordinator } = manualWorld({ maxConcurrent: 5, maxQueued: 1, maxConcurrentPerGroup: 1 });
    await coordinator.start("", { group: "g" });
    await coordinator.start("", { group: "g" });
    await expect(coordinator.start("", { group: "g" })).rejects.toMatchObject({ code: "CAPACITY_EXCEEDED", queued: 1 });
    await expect(coordinator.start("", { delayMs: 5 })).rejects.toMatchObject({ code: "CAPACITY_EXCEEDED" });
    await coordinator.start("", { group: "other" });
    await coordinator.close({ mode: "cancel" });
  });

  it("never refuses a retry", async () => {
    const { coordinator, work, clock } = manualWorld({
      maxConcurrent: 1,
      maxQueued: 1,
      retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 10 } },
    });
    const [first] = await coordinator.startMany([{ input: "" }, { input: "" }]);
    work.fail(first as string, new Error("once"));
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ queued: 1, running: 1 });
    expect(coordinator.getStatus(first as string)).toMatchObject({ state: "queued.delayed", attempt: 1, error: { message: "once" } });
    await coordinator.close({ mode: "cancel" });
  });
});

describe("the order of admission", () => {
  async function orderOf(starts: { input: string; options?: object }[], options = {}): Promise<string[]> {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1, ...options });
    await coordinator.start("blocker", { id: "blocker" });
    await coordinator.startMany(starts);
    work.complete("blocker", "");
    await clock.settle();
    while (work.open.length > 0) {
      work.complete(work.open[0] as string, "");
      await clock.settle();
    }
    await coordinator.close();
    return work.calls.slice(1).map(({ input }) => input);
  }

  it("is by priority, highest first, and first in first out among equals", async () => {
    const order = await orderOf([
      { input: "low 1", options: { priority: -1 } },
      { input: "mid 1" },
      { input: "high 1", options: { priority: 5 } },
      { input: "mid 2" },
      { input: "high 2", options: { priority: 5 } },
    ]);
    expect(order).toEqual(["high 1", "high 2", "mid 1", "mid 2", "low 1"]);
  });

  it("lets groups that wait take turns, however many one of them has queued", async () => {
    const many = Array.from({ length: 4 }, (_, index) => ({ input: `a${index}`, options: { group: "a" } }));
    const order = await orderOf([
      ...many,
      { input: "b0", options: { group: "b" } },
      { input: "b1", options: { group: "b" } },
      { input: "c0", options: { group: "c" } },
    ]);
    expect(order).toEqual(["a0", "b0", "c0", "a1", "b1", "a2", "a3"]);
  });

  it("passes over a group at its limit", async () => {
    const { coordinator } = manualWorld({ maxConcurrent: 3, maxConcurrentPerGroup: (group) => (group === "narrow" ? 1 : 2) });
    const start = (group: string) => ({ input: "", options: { group } });
    await coordinator.startMany([start("narrow"), start("narrow"), start("wide"), start("wide"), start("wide")]);
    expect(coordinator.list().items.map(({ status }) => status)).toEqual(["running", "queued", "running", "running", "queued"]);
    await coordinator.close({ mode: "cancel" });
  });

  it("puts a retry at the end of its equals", async () => {
    const backoff = { type: "exponential", delayMs: 0 } as const;
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1, retry: { maxAttempts: 2, backoff } });
    const [first] = await coordinator.startMany([{ input: "first" }, { input: "second" }, { input: "third" }]);
    work.fail(first as string, new Error("again"));
    await clock.settle();
    for (let left = 3; left > 0; left--) {
      work.complete(work.open[0] as string, "");
      await clock.settle();
    }
    expect(work.calls.map(({ input }) => input)).toEqual(["first", "second", "third", "first"]);
    await coordinator.close();
  });
});

describe("rateLimit", () => {
  it("begins at most so many in any span, and goes on by itself when time has passed", async () => {
    const { coordinator, clock } = manualWorld({ rateLimit: { limit: 2, intervalMs: 100 } });
    await coordinator.startMany(Array.from({ length: 5 }, () => ({ input: "" })));
    expect(coordinator.counts().running).toBe(2);
    await clock.advance(99);
    expect(coordinator.counts().running).toBe(2);
    await clock.advance(1);
    expect(coordinator.counts().running).toBe(4);
    await clock.advance(100);
    expect(coordinator.counts().running).toBe(5);
    await coordinator.close({ mode: "cancel" });
  });
});

describe("delayMs", () => {
  it("keeps an execution back until its time, whatever the wall clock does", async () => {
    const { coordinator, clock } = manualWorld();
    const id = await coordinator.start("", { delayMs: 1_000 });
    expect(coordinator.getStatus(id)).toMatchObject({ state: "queued.delayed", attempt: 0, durationMs: 0 });
    clock.jump(3_600_000);
    await clock.advance(999);
    expect(coordinator.getStatus(id)?.state).toBe("queued.delayed");
    await clock.advance(1);
    expect(coordinator.getStatus(id)?.state).toBe("running.working");
    await coordinator.close({ mode: "cancel" });
  });
});

describe("pause and resume", () => {
  it("admits nothing while paused; what runs goes on; resume admits at once", async () => {
    const world = manualWorld({ maxConcurrent: 1 });
    const { coordinator, work, clock } = world;
    const first = await coordinator.start("");
    coordinator.pause();
    await coordinator.start("");
    work.complete(first, "");
    await clock.settle();
    expect(statuses(world)).toEqual(["completed", "queued"]);
    expect(coordinator.stats.get().context).toMatchObject({ mode: "paused", slotsTaken: 0 });
    coordinator.resume();
    expect(statuses(world)).toEqual(["completed", "running"]);
    await coordinator.close({ mode: "cancel" });
  });
});

describe("startMany", () => {
  it.each([
    ["too many", { maxQueued: 1, maxConcurrent: 1 }, [{}, {}, {}], "CAPACITY_EXCEEDED"],
    ["an id twice", {}, [{ id: "same" }, {}, { id: "same" }], "EXECUTION_DUPLICATE"],
    ["a bad option in the middle", {}, [{}, { priority: Number.NaN }, {}], "OPTIONS_INVALID"],
    ["an aborted signal at the end", {}, [{}, { signal: AbortSignal.abort() }], "START_ABORTED"],
  ] as const)("starts none because of %s", async (_, options, starts, code) => {
    const { coordinator, work } = manualWorld(options);
    const events: string[] = [];
    coordinator.on("*", ({ type }) => events.push(type));
    await expect(coordinator.startMany(starts.map((start) => ({ input: "", options: { ...start } })))).rejects.toMatchObject({ code });
    expect({ total: coordinator.counts().total, calls: work.calls.length, events }).toEqual({ total: 0, calls: 0, events: [] });
    await coordinator.close();
  });

  it("names the entry and the field that is wrong", async () => {
    const { coordinator } = manualWorld();
    const starting = coordinator.startMany([{ input: "" }, { input: "", options: { delayMs: -1 } }]);
    await expect(starting).rejects.toMatchObject({ field: "entries[1].options.delayMs", received: -1 });
    await coordinator.close();
  });
});

describe("idempotencyKey", () => {
  it("gives the first id again for an equal input, and a conflict for another, while the record exists", async () => {
    const { coordinator, clock, work } = manualWorld();
    const first = await coordinator.start("same", { idempotencyKey: "k" });
    expect(await coordinator.start("same", { idempotencyKey: "k" })).toBe(first);
    await expect(coordinator.start("other", { idempotencyKey: "k" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
      executionId: first,
    });
    work.complete(first, "");
    await clock.settle();
    expect(await coordinator.start("same", { idempotencyKey: "k" })).toBe(first);
    await clock.advance(1);
    await coordinator.cleanup({ olderThanMs: 0 });
    expect(await coordinator.start("other", { idempotencyKey: "k" })).not.toBe(first);
    await coordinator.close({ mode: "cancel" });
  });
});
