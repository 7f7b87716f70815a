import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import { CoordinatorClosedError } from "../../../src/model/errors.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { createManualSetup } from "./manual-setup.ts";

const boom = (): never => {
  throw new Error("of a caller");
};

describe("callers that throw change nothing", () => {
  it("listener, onError, stats subscriber, stats selection and inspector", async () => {
    const { clock, work, coordinator, told } = createManualSetup({ onError: boom, inspect: { next: boom } });
    coordinator.on("*", boom);
    coordinator.on("execution.completed", boom);
    coordinator.stats.subscribe(boom);
    coordinator.stats.select(({ running }) => running).subscribe(boom);
    const first = await coordinator.start(1);
    const second = await coordinator.start(2);
    await clock.settle();
    work.progress(first, "on it");
    work.complete(first, 1);
    work.fail(second, new Error("no"));
    await clock.settle();
    expect(told()).toHaveLength(7);
    expect(coordinator.counts()).toMatchObject({ completed: 1, failed: 1 });
    await coordinator.close();
  });

  it.each([
    ["throws at once", boom],
    ["returns no promise", () => 42],
    ["throws undefined", () => Promise.reject(undefined)],
    ["throws null", () => Promise.reject(null)],
    ["throws a frozen object", () => Promise.reject(Object.freeze({ message: "frozen" }))],
    ["throws a symbol", () => Promise.reject(Symbol("s"))],
    ["throws an object without a prototype", () => Promise.reject(Object.create(null))],
    [
      "throws a revoked proxy",
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return Promise.reject(proxy);
      },
    ],
    [
      "throws a proxy whose traps throw such a proxy",
      () => {
        const trap = (): never => {
          throw hostile;
        };
        const hostile: object = new Proxy({}, { getPrototypeOf: trap, get: trap, has: trap, ownKeys: trap });
        return Promise.reject(hostile);
      },
    ],
    [
      "throws a cyclic error",
      () => {
        const error = new Error("round");
        error.cause = error;
        return Promise.reject(error);
      },
    ],
  ])("an orchestrator that %s ends, drain and close come back, its siblings go on", async (_, orchestrate) => {
    const clock = new VirtualClock();
    const errors: unknown[] = [];
    const coordinator = createCoordinator({
      orchestrator: ((input: number) => (input === 0 ? orchestrate() : Promise.resolve(input))) as (input: number) => Promise<unknown>,
      clock,
      maxConcurrent: 1,
      onError: (error) => errors.push(error),
    });
    const id = await coordinator.start(0);
    const sibling = await coordinator.start(1);
    const end = coordinator.waitFor(id).then(
      () => "completed",
      () => "failed",
    );
    await clock.settle();
    expect(coordinator.getStatus(sibling)?.status).toBe("completed");
    expect(await end).toBe(coordinator.getStatus(id)?.status);
    const closing = coordinator.close({ deadlineMs: 10 });
    await clock.advance(10);
    await closing;
    expect(errors).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it("an orchestrator that ignores its signal cannot make more than maxConcurrent run within the grace", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 2, cancelGraceMs: 1_000, honoursCancel: false });
    let most = 0;
    coordinator.on("*", () => {
      most = Math.max(most, work.open.length, coordinator.stats.get().context.slotsTaken);
    });
    const ids = await coordinator.startMany(Array.from({ length: 10 }, (_, input) => ({ input })));
    await clock.settle();
    for (const id of ids.slice(0, 6)) await coordinator.cancel(id);
    await clock.advance(999);
    expect(most).toBe(2);
    const closing = coordinator.close({ mode: "cancel", deadlineMs: 1 });
    await clock.advance(1);
    expect(await closing).toMatchObject({ abandoned: 2 });
  });
});

describe("calls from within", () => {
  it("a listener may start, cancel, pause, resume, send and clean up", async () => {
    const { clock, work, coordinator, errors } = createManualSetup({ maxConcurrent: 1 });
    let started = 0;
    coordinator.on("execution.started", ({ executionId }) => {
      started += 1;
      if (started < 50) void coordinator.start(started);
      void coordinator.cancel(executionId);
      coordinator.pause();
      coordinator.resume();
      coordinator.send(executionId, { type: "x" });
      void coordinator.cleanup({ olderThanMs: 0 });
    });
    await coordinator.start(0);
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ cancelled: 50, total: 50 });
    expect(work.open).toEqual([]);
    expect(errors).toEqual([]);
    await coordinator.close();
  });

  it("an orchestrator may cancel itself and start others; so may its abort listener", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({
      orchestrator: async (depth: number, { executionId, signal }): Promise<void> => {
        signal.addEventListener("abort", () => {
          if (depth < 5) void coordinator.start(depth + 1);
          void coordinator.cancel(executionId);
        });
        await coordinator.cancel(executionId);
        signal.throwIfAborted();
      },
      clock,
      maxConcurrent: 1,
    });
    await coordinator.start(0);
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ cancelled: 6, total: 6 });
    await coordinator.close();
  });

  it("close from a listener comes back, and the event that called it was told to all", async () => {
    const { clock, work, coordinator, told } = createManualSetup();
    const reports: unknown[] = [];
    coordinator.on("execution.completed", () => void coordinator.close().then((report) => reports.push(report)));
    const id = await coordinator.start(1);
    await clock.settle();
    work.complete(id, 1);
    await clock.settle();
    expect(reports).toEqual([{ drained: 0, cancelled: 0, released: 0, abandoned: 0 }]);
    expect(told().at(-1)).toBe(`completed ${id}`);
  });
});

describe("after close", () => {
  it("starts are refused, questions are answered, commands do nothing, and nothing is printed", async () => {
    const { clock, work, coordinator } = createManualSetup({ honoursCancel: false, cancelGraceMs: 10 });
    const done = await coordinator.start(1);
    const abandoned = await coordinator.start(2);
    await clock.settle();
    work.complete(done, 1);
    const closing = coordinator.close({ deadlineMs: 50 });
    await expect(coordinator.start(3)).rejects.toBeInstanceOf(CoordinatorClosedError);
    await clock.advance(50);
    expect(await closing).toEqual({ drained: 1, cancelled: 0, released: 0, abandoned: 1 });
    await expect(coordinator.start(3)).rejects.toBeInstanceOf(CoordinatorClosedError);
    await expect(coordinator.startMany([{ input: 1 }])).rejects.toBeInstanceOf(CoordinatorClosedError);
    await expect(coordinator.waitFor(done)).resolves.toBe(1);
    expect(await coordinator.cancel(abandoned)).toBe(false);
    expect(await coordinator.cleanup({ olderThanMs: 0 })).toBe(0);
    await coordinator.drain();
    coordinator.pause();
    coordinator.resume();
    coordinator.setMaxConcurrent(3);
    expect(coordinator.send(abandoned, { type: "x" })).toMatchObject({ reason: "final" });
    work.progress(abandoned, "still here");
    work.complete(abandoned, 1);
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ completed: 1, cancelled: 1, total: 2 });
    expect(await coordinator.close({ mode: "cancel" })).toEqual(await closing);
    expect(await coordinator.events().next()).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });
});

describe("R20: what is wrong is refused before a record exists", () => {
  it.each([
    ["maxConcurrent", 0],
    ["maxConcurrent", -1],
    ["maxConcurrent", 1.5],
    ["maxConcurrent", "3"],
    ["maxConcurrent", Number.NaN],
    ["maxQueued", -1],
    ["timeoutMs", 0],
    ["cancelGraceMs", -1],
    ["generateId", 3],
    ["clock", {}],
    ["orchestrator", 3],
    ["typo", 1],
  ])("option %s: %s is refused at construction, naming field, expected and received", (field, value) => {
    const make = () => createCoordinator({ orchestrator: async () => {}, [field]: value });
    expect(make).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID", field, expected: expect.any(String), received: value }));
  });

  it.each([
    ["snapshot", { version: 1 }],
    ["snapshot", { version: 1, live: [{}], finished: [] }],
    ["snapshot", { version: 2, live: [], finished: [] }],
    ["snapshot", null],
  ])("%s: %o is refused at construction with a typed error", (field, value) => {
    const make = () => createCoordinator({ orchestrator: async () => {}, [field]: value, clock: new VirtualClock() });
    expect(make).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID" }));
  });

  it.each([
    [{ id: "" }, "id"],
    [{ id: 3 }, "id"],
    [{ priority: Number.NaN }, "priority"],
    [{ delayMs: -1 }, "delayMs"],
    [{ tags: "a" }, "tags"],
    [{ tags: [""] }, "tags[0]"],
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    [{ signal: {} }, "signal"],
    [{ unknown: 1 }, "unknown"],
    [{ retry: { backoff: { type: "exponential", jitter: 2 } } }, "retry.backoff.jitter"],
    [null, "options"],
  ])("start options %o are refused, naming %s", async (options, field) => {
    const { coordinator, events } = createManualSetup();
    await expect(coordinator.start(1, options as never)).rejects.toMatchObject({ code: "OPTIONS_INVALID", field });
    expect(coordinator.counts().total).toBe(0);
    expect(events).toEqual([]);
    await coordinator.close();
  });

  it("an id from generateId that is no non-empty string", async () => {
    for (const bad of ["", 42, undefined]) {
      const { coordinator } = createManualSetup({ generateId: () => bad as string });
      await expect(coordinator.start(1)).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
      expect(coordinator.counts().total).toBe(0);
      await coordinator.close();
    }
  });

  it("bad queries, waits, cleanups and listeners", async () => {
    const { coordinator } = createManualSetup();
    for (const query of [
      { limit: 0 },
      { limit: 1_001 },
      { status: "done" },
      { cursor: "-" },
      { order: "last" },
      { group: 3 },
      { other: 1 },
      null,
    ]) {
      expect(() => coordinator.list(query as never)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID" }));
    }
    await expect(coordinator.waitFor("")).rejects.toMatchObject({ code: "OPTIONS_INVALID", field: "id" });
    await expect(coordinator.waitFor("x", { timeoutMs: -1 })).rejects.toMatchObject({ field: "timeoutMs" });
    await expect(coordinator.cleanup({ olderThanMs: Number.NaN })).rejects.toMatchObject({ field: "olderThanMs" });
    expect(() => coordinator.on("x" as never, () => {})).toThrow(expect.objectContaining({ field: "type" }));
    expect(() => coordinator.setMaxConcurrent(0)).toThrow(expect.objectContaining({ field: "maxConcurrent" }));
    await expect(coordinator.close({ mode: "x" as never })).rejects.toMatchObject({ field: "mode" });
    await coordinator.close();
  });

  it("one bad entry in the middle of startMany leaves no trace of any", async () => {
    const { coordinator, events } = createManualSetup({
      inputSchema: {
        "~standard": {
          version: 1,
          vendor: "test",
          validate: (value) => (value === "bad" ? { issues: [{ message: "is bad", path: ["a", { key: 1 }] }] } : { value }),
        },
      },
    });
    await coordinator.start(0, { id: "taken", idempotencyKey: "k" });
    events.length = 0;
    const middle = [
      [{ input: "bad" }, "INPUT_INVALID"],
      [{ input: 1, options: { id: "taken" } }, "EXECUTION_DUPLICATE"],
      [{ input: 1, options: { id: "first" } }, "EXECUTION_DUPLICATE"],
      [{ input: 1, options: { idempotencyKey: "k" } }, "IDEMPOTENCY_CONFLICT"],
      [{ input: 1, options: { delayMs: -1 } }, "OPTIONS_INVALID"],
      [{ input: 1, options: { signal: AbortSignal.abort() } }, "START_ABORTED"],
    ] as const;
    for (const [entry, code] of middle) {
      const entries = [{ input: 1, options: { id: "first" } }, entry, { input: 3 }];
      await expect(coordinator.startMany(entries as never)).rejects.toMatchObject({ code });
    }
    expect(coordinator.counts().total).toBe(1);
    expect(events).toEqual([]);
    await expect(coordinator.start("bad")).rejects.toMatchObject({ issues: [{ message: "is bad", path: ["a", 1] }] });
    await coordinator.close({ mode: "cancel" });
  });
});
