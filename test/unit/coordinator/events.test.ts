import { describe, expect, it } from "vitest";
import { createCoordinator, type ExecutionEvent } from "../../../src/index.ts";
import { manualWorld } from "./new-coordinator.ts";

describe("R16 events", () => {
  it("tell the life of each execution, with its id and a rising number", async () => {
    const { coordinator, work, clock } = manualWorld({ retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 1 } } });
    const events: ExecutionEvent<string>[] = [];
    coordinator.on("*", (event) => events.push(event));
    const id = await coordinator.start("");
    work.progress(id, { iteration: 1 });
    work.fail(id, new Error("once"));
    await clock.advance(1);
    work.complete(id, "done");
    await clock.settle();
    expect(events.map(({ type, attempt }) => `${type.replace("execution.", "")} ${attempt}`)).toEqual([
      "queued 0",
      "started 1",
      "progressed 1",
      "retrying 1",
      "started 2",
      "completed 2",
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(events.map(({ executionId }) => executionId))).toEqual(new Set([id]));
    expect(coordinator.getStatus(id)).toMatchObject({ progress: { iteration: 1 }, result: "done" });
    await coordinator.close();
  });

  it("go to listeners of their type only, until they unsubscribe", async () => {
    const { coordinator } = manualWorld();
    const queued: string[] = [];
    const subscription = coordinator.on("execution.queued", ({ executionId }) => queued.push(executionId));
    await coordinator.start("");
    subscription.unsubscribe();
    await coordinator.start("");
    expect(queued).toEqual(["a-1"]);
    expect(() => coordinator.on("execution.nope" as "*", () => {})).toThrow(expect.objectContaining({ field: "type" }));
    await coordinator.close({ mode: "cancel" });
  });
});

describe("events()", () => {
  it("gives every event to a reader that keeps up, and is over when the coordinator closes", async () => {
    const { coordinator, work } = manualWorld();
    const reading = (async () => {
      const types: string[] = [];
      for await (const event of coordinator.events()) types.push(event.type);
      return types;
    })();
    work.complete(await coordinator.start(""), "");
    await coordinator.drain();
    await coordinator.close();
    expect(await reading).toEqual(["execution.queued", "execution.started", "execution.completed"]);
  });

  it("drops the oldest for a slow reader and tells how many, in bounded memory", async () => {
    const { coordinator } = manualWorld();
    const reader = coordinator.events();
    coordinator.pause();
    for (let n = 0; n < 6_000; n++) await coordinator.cancel(await coordinator.start(""));
    expect(await reader.next()).toEqual({ done: false, value: { type: "events.overflowed", dropped: 2_000 } });
    expect(await reader.next()).toMatchObject({ value: { sequence: 2_001 } });
    await coordinator.close();
    let read = 1;
    while (!(await reader.next()).done) read += 1;
    expect(read).toBe(10_000);
  });

  it("ends for a reader that leaves or whose signal is aborted", async () => {
    const { coordinator } = manualWorld();
    const controller = new AbortController();
    const aborted = coordinator.events({ signal: controller.signal });
    const waiting = aborted.next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const left = coordinator.events();
    await left.return?.();
    await coordinator.start("");
    expect(await left.next()).toEqual({ done: true, value: undefined });
    await coordinator.close({ mode: "cancel" });
    expect(await coordinator.events().next()).toEqual({ done: true, value: undefined });
  });
});

describe("callbacks that throw", () => {
  it("change nothing: listeners, stats subscribers, inspectors, and onError itself", async () => {
    const reported: unknown[] = [];
    const broken = () => {
      throw new Error("broken callback");
    };
    const coordinator = createCoordinator({
      orchestrator: async (n: number) => n,
      inspect: broken,
      onError: (error) => {
        reported.push(error);
        broken();
      },
    });
    coordinator.on("*", broken);
    coordinator.stats.subscribe(broken);
    const ids = await coordinator.startMany([{ input: 1 }, { input: 2 }]);
    expect(await Promise.all(ids.map((id) => coordinator.waitFor(id)))).toEqual([1, 2]);
    expect(await coordinator.close()).toEqual({ drained: 0, cancelled: 0, released: 0, abandoned: 0 });
    expect(reported.length).toBeGreaterThan(6);
  });

  it("may call the coordinator: a listener that cancels, starts, pauses and closes", async () => {
    const { coordinator, clock } = manualWorld({ maxConcurrent: 2 });
    const started: string[] = [];
    coordinator.on("execution.started", ({ executionId }) => {
      started.push(executionId);
      if (started.length < 4) void coordinator.start("").then((id) => coordinator.cancel(id));
      void coordinator.cancel(executionId);
    });
    const report = new Promise((resolve) => {
      coordinator.on("execution.cancelled", () => {
        if (started.length === 4 || coordinator.counts().running === 0) resolve(coordinator.close());
      });
    });
    await coordinator.start("");
    await clock.settle();
    expect(await report).toMatchObject({ abandoned: 0 });
    expect(coordinator.counts()).toMatchObject({ queued: 0, running: 0 });
  });
});
