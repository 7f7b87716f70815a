import { describe, expect, it } from "vitest";
import { createCoordinator } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { manualWorld } from "./new-coordinator.ts";

describe("the scope of a function", () => {
  it("can be taken apart, and tells id, attempt, time and what is left of it", async () => {
    const clock = new VirtualClock({ now: 500 });
    const coordinator = createCoordinator({
      clock,
      timeoutMs: 100,
      orchestrator: async (_: string, { executionId, attempt, now, remainingMs, progress, signal }) => {
        progress("half way");
        return { executionId, attempt, now: now(), left: remainingMs(), aborted: signal.aborted };
      },
    });
    const id = await coordinator.start("", { id: "x" });
    expect(await coordinator.waitFor(id)).toEqual({ executionId: "x", attempt: 1, now: 500, left: 100, aborted: false });
    expect(coordinator.getStatus("x")?.progress).toBe("half way");
    await coordinator.close();
  });

  it("has no end of time without a timeout", async () => {
    const coordinator = createCoordinator({ clock: new VirtualClock(), orchestrator: async (_: string, { remainingMs }) => remainingMs() });
    expect(await coordinator.waitFor(await coordinator.start(""))).toBe(Number.POSITIVE_INFINITY);
    await coordinator.close();
  });

  it("gives the signals sent to it in order, the earlier ones too, and ends them when it is asked to stop", async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const coordinator = createCoordinator({
      clock,
      orchestrator: async (_: string, { signals }) => {
        for await (const { type } of signals()) seen.push(type);
        throw new Error("asked to stop");
      },
    });
    const id = await coordinator.start("");
    coordinator.send(id, { type: "one" });
    coordinator.send(id, { type: "two", with: "payload" });
    await clock.settle();
    coordinator.send(id, { type: "three" });
    await clock.settle();
    expect(seen).toEqual(["one", "two", "three"]);
    await coordinator.cancel(id);
    await clock.settle();
    expect(coordinator.send(id, { type: "four" })).toMatchObject({ accepted: false, reason: "final" });
    expect(coordinator.getStatus(id)?.status).toBe("cancelled");
    await coordinator.close();
  });

  it("keeps at most 1 000 unread signals", async () => {
    const { coordinator } = manualWorld();
    const id = await coordinator.start("");
    for (let n = 0; n < 1_000; n++) expect(coordinator.send(id, { type: "n" })).toEqual({ accepted: true });
    expect(coordinator.send(id, { type: "n" })).toEqual({ accepted: false, reason: "notAccepted", accepts: [] });
    await coordinator.close({ mode: "cancel" });
  });

  it("is of no more effect once the execution was asked to stop", async () => {
    const { coordinator, work, clock } = manualWorld({}, false);
    const id = await coordinator.start("");
    await coordinator.cancel(id);
    work.progress(id, "late");
    expect(coordinator.send(id, { type: "late" })).toMatchObject({ accepted: false, reason: "notAccepted" });
    expect(coordinator.getStatus(id)?.progress).toBeUndefined();
    work.complete(id, "");
    await clock.settle();
    await coordinator.close();
  });

  it("belongs to its attempt: what an abandoned attempt still does changes nothing", async () => {
    const { coordinator, work, clock } = manualWorld({ cancelGraceMs: 10 }, false);
    const id = await coordinator.start("");
    await coordinator.cancel(id);
    await clock.advance(10);
    const before = coordinator.getStatus(id);
    work.progress(id, "late");
    work.fail(id, new Error("late"));
    await clock.settle();
    expect(coordinator.getStatus(id)).toEqual(before);
    await coordinator.close();
  });
});

describe("an orchestrator that uses its coordinator", () => {
  it("may start, await and cancel others", async () => {
    const clock = new VirtualClock();
    const coordinator = createCoordinator({
      clock,
      maxConcurrent: 3,
      orchestrator: async (depth: number): Promise<number> => {
        if (depth === 0) return 1;
        const id = await coordinator.start(depth - 1);
        return 1 + (await coordinator.waitFor(id));
      },
    });
    expect(await coordinator.waitFor(await coordinator.start(2))).toBe(3);
    await coordinator.close();
  });
});
