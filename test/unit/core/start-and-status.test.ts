import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../../src/core/coordinator.ts";
import { DuplicateExecutionError, StartAbortedError } from "../../../src/model/errors.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { createManualSetup } from "./manual-setup.ts";

describe("R1: start", () => {
  it("gives an id while the work is still open, and the work begins with that input", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const id = await coordinator.start({ prompt: "first" });
    await clock.settle();
    expect(work.calls).toMatchObject([{ executionId: id, input: { prompt: "first" }, attempt: 1 }]);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "running", state: "running.working" });
    await coordinator.close({ mode: "cancel" });
  });

  it("gives ids that differ by default", async () => {
    const coordinator = createCoordinator({ orchestrator: async () => {} });
    const ids = await Promise.all(Array.from({ length: 1_000 }, () => coordinator.start(undefined as never)));
    expect(new Set(ids).size).toBe(1_000);
    await coordinator.close();
  });

  it("refuses an id while its record exists, live or ended, and takes it once the record is gone", async () => {
    const { clock, work, coordinator } = createManualSetup();
    await coordinator.start(1, { id: "mine" });
    await expect(coordinator.start(2, { id: "mine" })).rejects.toBeInstanceOf(DuplicateExecutionError);
    await clock.settle();
    work.complete("mine", 1);
    await coordinator.waitFor("mine");
    await expect(coordinator.start(2, { id: "mine" })).rejects.toMatchObject({ code: "EXECUTION_DUPLICATE", executionId: "mine" });
    await clock.advance(1);
    expect(await coordinator.cleanup({ olderThanMs: 0 })).toBe(1);
    await expect(coordinator.start(2, { id: "mine" })).resolves.toBe("mine");
    await coordinator.close({ mode: "cancel" });
  });

  it("takes names that objects know already as ids, groups and tags", async () => {
    const { clock, coordinator } = createManualSetup();
    for (const name of ["__proto__", "constructor", "toString"]) {
      await coordinator.start(1, { id: name, group: name, tags: [name], idempotencyKey: name });
      expect(coordinator.list({ group: name, tag: name }).items.map(({ id }) => id)).toEqual([name]);
    }
    await clock.settle();
    expect(coordinator.counts()).toMatchObject({ running: 3, total: 3 });
    await coordinator.close({ mode: "cancel" });
  });
});

describe("R8, R9: status", () => {
  it("is undefined for an unknown id", async () => {
    const { coordinator } = createManualSetup();
    expect(coordinator.getStatus("nobody")).toBeUndefined();
    await coordinator.close();
  });

  it("goes from queued over running to each final status, which never changes afterwards", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 4 });
    for (const id of ["done", "broken", "stopped"]) await coordinator.start(id, { id });
    await clock.settle();
    work.complete("done", 42);
    work.fail("broken", new TypeError("no"));
    await coordinator.cancel("stopped", "enough");
    await clock.settle();
    const after = coordinator.list().items.map((info) => structuredClone(info));
    expect(after).toMatchObject([
      { id: "done", status: "completed", state: "completed", result: 42 },
      { id: "broken", status: "failed", state: "failed", error: { name: "TypeError", message: "no" } },
      { id: "stopped", status: "cancelled", state: "cancelled", reason: "enough" },
    ]);
    for (const { id } of after) expect(await coordinator.cancel(id)).toBe(false);
    await clock.advance(1_000);
    expect(coordinator.list().items).toEqual(after);
    await coordinator.close();
  });

  it("what a caller does to a record it was given does not change the record", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const id = await coordinator.start(1, { tags: ["a"] });
    await clock.settle();
    work.complete(id, 1);
    await coordinator.waitFor(id);
    const info = coordinator.getStatus(id) as unknown as { status: string; tags: string[] };
    try {
      info.status = "running";
    } catch {
      // Frozen is fine as well.
    }
    try {
      info.tags.push("b");
    } catch {
      // Frozen is fine as well.
    }
    expect(coordinator.getStatus(id)).toMatchObject({ status: "completed", tags: ["a"] });
    await coordinator.close();
  });

  it("is consistent over 1000 polled transitions: final has completedAt, failed has an error", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 7 });
    let polled = 0;
    coordinator.on("*", ({ executionId }) => {
      const info = coordinator.getStatus(executionId);
      if (info === undefined) return;
      polled += 1;
      const isFinal = ["completed", "failed", "cancelled"].includes(info.status);
      expect(info.completedAt !== undefined).toBe(isFinal);
      expect(info.error !== undefined).toBe(info.status === "failed");
      expect(info.state.startsWith(info.status)).toBe(true);
      expect(info.durationMs).toBeGreaterThanOrEqual(0);
    });
    for (let count = 0; count < 340; count += 1) {
      const id = await coordinator.start(count);
      await clock.advance(1);
      if (count % 3 === 0) work.complete(id, count);
      else if (count % 3 === 1) work.fail(id, new Error("no"));
      else await coordinator.cancel(id);
      await clock.settle();
    }
    expect(polled).toBeGreaterThan(1_000);
    await coordinator.close();
  });
});

describe("R10: duration", () => {
  it("is 0 while queued, so far while live, fixed afterwards", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1 });
    const first = await coordinator.start(1);
    const second = await coordinator.start(2);
    await clock.advance(500);
    expect(coordinator.getStatus(first)?.durationMs).toBe(500);
    expect(coordinator.getStatus(second)?.durationMs).toBe(0);
    work.complete(first, 1);
    await clock.advance(250);
    expect(coordinator.getStatus(first)).toMatchObject({ durationMs: 500, startedAt: 0, completedAt: 500 });
    expect(coordinator.getStatus(second)).toMatchObject({ durationMs: 250, startedAt: 500 });
    await coordinator.close({ mode: "cancel" });
  });

  it.each([-3_600_000, 3_600_000])("is never negative, and no timer moves, when the clock is set by %i ms", async (ms) => {
    const { clock, coordinator } = createManualSetup({ timeoutMs: 1_000 });
    const id = await coordinator.start(1);
    const delayed = await coordinator.start(2, { delayMs: 600 });
    await clock.advance(500);
    clock.jump(ms);
    expect(coordinator.getStatus(id)?.durationMs).toBeGreaterThanOrEqual(0);
    await clock.advance(99);
    expect(coordinator.getStatus(delayed)?.state).toBe("queued.delayed");
    await clock.advance(1);
    expect(coordinator.getStatus(delayed)?.status).toBe("running");
    await clock.advance(399);
    expect(coordinator.getStatus(id)?.status).toBe("running");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { code: "EXECUTION_TIMEOUT" } });
    expect(coordinator.getStatus(id)?.durationMs).toBeGreaterThanOrEqual(0);
    await coordinator.close({ mode: "cancel" });
  });

  it("a clock that was set back does not make retention drop the record that ended last", async () => {
    const { clock, work, coordinator } = createManualSetup({ retention: { maxCount: 1 } });
    const first = await coordinator.start(1);
    await clock.advance(3_600_000);
    work.complete(first, 1);
    await clock.settle();
    clock.jump(-3_600_000);
    const second = await coordinator.start(2);
    await clock.settle();
    work.complete(second, 2);
    await clock.settle();
    expect(coordinator.list().items.map(({ id }) => id)).toEqual([second]);
    await coordinator.close();
  });
});

describe("R12: start signal", () => {
  it("cancels the execution when it is aborted later, running or queued", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1 });
    const controller = new AbortController();
    const running = await coordinator.start(1, { signal: controller.signal });
    const queued = await coordinator.start(2, { signal: controller.signal });
    await clock.settle();
    controller.abort();
    await clock.settle();
    expect(work.signalOf(running).aborted).toBe(true);
    expect([running, queued].map((id) => coordinator.getStatus(id)?.status)).toEqual(["cancelled", "cancelled"]);
    expect(work.calls).toHaveLength(1);
    await coordinator.close();
  });

  it("already aborted refuses the start, takes no slot and leaves no trace", async () => {
    const { coordinator, events } = createManualSetup();
    await expect(coordinator.start(1, { signal: AbortSignal.abort("late") })).rejects.toBeInstanceOf(StartAbortedError);
    expect(coordinator.counts().total).toBe(0);
    expect(coordinator.stats.get().context.slotsTaken).toBe(0);
    expect(events).toEqual([]);
    await coordinator.close();
  });

  it("has no listener left once the execution has ended, in whatever way", async () => {
    const { clock, work, coordinator } = createManualSetup();
    let listeners = 0;
    const counted = (signal: AbortSignal): AbortSignal => {
      const add = signal.addEventListener.bind(signal);
      const remove = signal.removeEventListener.bind(signal);
      signal.addEventListener = ((...parameters: Parameters<typeof add>) => {
        listeners += 1;
        add(...parameters);
      }) as typeof signal.addEventListener;
      signal.removeEventListener = ((...parameters: Parameters<typeof remove>) => {
        listeners -= 1;
        remove(...parameters);
      }) as typeof signal.removeEventListener;
      return signal;
    };
    const signal = counted(new AbortController().signal);
    const ids = await Promise.all([1, 2, 3, 4].map((input) => coordinator.start(input, { signal })));
    await clock.settle();
    expect(listeners).toBe(4);
    work.complete(ids[0] as string, 1);
    work.fail(ids[1] as string, new Error("no"));
    await coordinator.cancel(ids[2] as string);
    await clock.settle();
    expect(listeners).toBe(1);
    await coordinator.close({ mode: "release" });
    expect(listeners).toBe(0);
  });
});

describe("R15, R16: failures, results, events", () => {
  it("one that throws fails alone: of 100, every third throwing, 34 fail and 66 complete", async () => {
    const coordinator = createCoordinator({
      orchestrator: async (input: number) => {
        if (input % 3 === 0) throw new Error(`no ${input}`);
        return input;
      },
      clock: new VirtualClock(),
    });
    await Promise.all(Array.from({ length: 100 }, (_, input) => coordinator.start(input)));
    await coordinator.drain();
    expect(coordinator.counts()).toMatchObject({ completed: 66, failed: 34, total: 100 });
    expect(coordinator.list({ status: "failed", limit: 1 }).items[0]?.error?.message).toBe("no 0");
    await coordinator.close();
  });

  it("every event has the executionId, its attempt and a number that rises", async () => {
    const { clock, work, coordinator, events, told } = createManualSetup();
    const id = await coordinator.start(1);
    await clock.settle();
    work.progress(id, { step: 1 });
    expect(coordinator.getStatus(id)?.progress).toEqual({ step: 1 });
    work.complete(id, "done");
    await clock.settle();
    expect(told()).toEqual([`queued ${id}`, `started ${id}`, `progressed ${id}`, `completed ${id}`]);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(events.map(({ attempt }) => attempt)).toEqual([0, 1, 1, 1]);
    expect(events.at(-1)).toMatchObject({ result: "done", durationMs: 0, at: 0 });
    await coordinator.close();
  });
});
