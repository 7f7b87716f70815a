import { describe, expect, it } from "vitest";
import { type CoordinatorSnapshot, createCoordinator } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { manualWorld } from "./new-coordinator.ts";

async function busyWorld(options = {}, honoursCancel = true) {
  const world = manualWorld({ maxConcurrent: 2, ...options }, honoursCancel);
  const ids = (await world.coordinator.startMany(Array.from({ length: 3 }, () => ({ input: "" })))) as [string, string, string];
  return { ...world, ids };
}

describe("R17 drain", () => {
  it("resolves when nothing is live; starts stay allowed", async () => {
    const { coordinator, work, clock, ids } = await busyWorld();
    let drained = false;
    const draining = coordinator.drain().then(() => {
      drained = true;
    });
    const late = await coordinator.start("");
    for (const id of [...ids, late]) {
      await clock.settle();
      expect(drained).toBe(false);
      work.complete(id, "");
    }
    await draining;
    await coordinator.drain();
    await coordinator.close();
  });
});

describe("R17 close", () => {
  it("drains by default: finishes what is queued and running, refuses starts, reports, and leaves no timer", async () => {
    const { coordinator, work, clock, ids } = await busyWorld();
    coordinator.pause();
    const closing = coordinator.close();
    await expect(coordinator.start("")).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
    for (const id of ids) {
      work.complete(id, "");
      await clock.settle();
    }
    expect(await closing).toEqual({ drained: 3, cancelled: 0, released: 0, abandoned: 0 });
    expect(clock.pending).toBe(0);
    expect(await coordinator.close({ mode: "cancel" })).toEqual(await closing);
    expect(coordinator.supervisor.getSnapshot().status).toBe("stopped");
  });

  it("at the deadline of a drain cancels the rest; what settles at once counts as cancelled, the others as abandoned", async () => {
    const { coordinator, work, clock, ids } = await busyWorld({}, false);
    const closing = coordinator.close({ deadlineMs: 100 });
    work.signalOf(ids[0]).addEventListener("abort", () => work.complete(ids[0], "last words"));
    await clock.advance(100);
    expect(await closing).toEqual({ drained: 0, cancelled: 2, released: 0, abandoned: 1 });
    expect(ids.map((id) => coordinator.getStatus(id)?.status)).toEqual(["cancelled", "cancelled", "cancelled"]);
    expect(coordinator.getStatus(ids[1])?.abandoned).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it("in mode cancel gives orchestrators until the deadline to settle", async () => {
    const { coordinator, work, clock, ids } = await busyWorld({}, false);
    const closing = coordinator.close({ mode: "cancel", deadlineMs: 100 });
    await clock.advance(99);
    work.complete(ids[1], "");
    await clock.advance(1);
    expect(await closing).toEqual({ drained: 0, cancelled: 2, released: 0, abandoned: 1 });
  });

  it("in mode release leaves unfinished work without an end, for the snapshot", async () => {
    const { coordinator, work, clock, ids } = await busyWorld();
    const waiting = coordinator.waitFor(ids[0]);
    const refused = expect(waiting).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
    expect(await coordinator.close({ mode: "release" })).toEqual({ drained: 0, cancelled: 0, released: 3, abandoned: 0 });
    await refused;
    expect(work.signalOf(ids[0]).aborted).toBe(true);
    const snapshot = coordinator.supervisor.getPersistedSnapshot() as CoordinatorSnapshot;
    expect(snapshot.executions.map((execution) => ("id" in execution ? execution.id : undefined))).toEqual(ids);
    expect(clock.pending).toBe(0);
  });

  it("in mode release lets one that succeeds all the same be completed, and one that was cancelled end as cancelled", async () => {
    const { coordinator, work, clock, ids } = await busyWorld({}, false);
    await coordinator.cancel(ids[1]);
    const closing = coordinator.close({ mode: "release" });
    await clock.settle();
    work.complete(ids[0], "in time");
    work.fail(ids[1], new Error("stopped"));
    await clock.settle();
    expect(await closing).toEqual({ drained: 1, cancelled: 1, released: 1, abandoned: 0 });
    expect(coordinator.getStatus(ids[0])).toMatchObject({ status: "completed", result: "in time" });
  });

  it("is refused in words for bad options, and is what disposal calls", async () => {
    const { coordinator } = manualWorld();
    await expect(coordinator.close({ mode: "kill" as "drain" })).rejects.toMatchObject({ field: "mode" });
    await coordinator[Symbol.asyncDispose]();
    await expect(coordinator.start("")).rejects.toMatchObject({ code: "COORDINATOR_CLOSED" });
    expect([await coordinator.cancel("x"), await coordinator.cleanup()]).toEqual([false, 0]);
    coordinator.pause();
    coordinator.resume();
    coordinator.setMaxConcurrent(3);
  });
});

describe("a persisted snapshot", () => {
  it("survives JSON; queued and running executions are queued again, the attempt that was cut short counts", async () => {
    const { coordinator, work, clock, ids } = await busyWorld({ retry: { maxAttempts: 2 } });
    work.complete(ids[0], "kept");
    await clock.settle();
    await coordinator.start("later", { id: "later", delayMs: 1_000, group: "g", tags: ["t"], priority: 3 });
    await coordinator.start("done", { id: "once", idempotencyKey: "key" });
    const json = JSON.stringify(coordinator.supervisor.getPersistedSnapshot());
    await coordinator.close({ mode: "cancel" });

    const next = manualWorld({ maxConcurrent: 1, snapshot: JSON.parse(json), clock: new VirtualClock({ now: 1_600 }) });
    const infos = next.coordinator.list().items;
    expect(infos.map(({ id, status, attempt, takeovers }) => `${id} ${status} ${attempt} ${takeovers}`)).toEqual([
      "a-1 completed 1 0",
      "a-2 running 2 1",
      "a-3 queued 1 1",
      "later queued 0 0",
      "once queued 0 0",
    ]);
    expect(await next.coordinator.waitFor("a-1")).toBe("kept");
    expect(next.coordinator.getStatus("later")).toMatchObject({ state: "queued.delayed", group: "g", tags: ["t"], priority: 3 });
    expect(await next.coordinator.start("done", { idempotencyKey: "key" })).toBe("once");
    await expect(next.coordinator.start("other", { idempotencyKey: "key" })).rejects.toMatchObject({ code: "IDEMPOTENCY_CONFLICT" });
    await next.coordinator.close({ mode: "cancel" });
  });

  it("keeps the time at which a delay is over", async () => {
    const first = manualWorld();
    await first.coordinator.start("", { id: "later", delayMs: 1_000 });
    const snapshot = first.coordinator.supervisor.getPersistedSnapshot() as CoordinatorSnapshot;
    await first.coordinator.close({ mode: "cancel" });
    const clock = new VirtualClock({ now: 1_900 });
    const next = manualWorld({ snapshot, clock });
    await clock.advance(99);
    expect(next.coordinator.getStatus("later")?.state).toBe("queued.delayed");
    await clock.advance(1);
    expect(next.coordinator.getStatus("later")?.state).toBe("running.working");
    await next.coordinator.close({ mode: "cancel" });
  });

  it("refuses what JSON would lose, and names the execution and the place", async () => {
    const coordinator = createCoordinator({ orchestrator: async (_: { at: Date }) => {}, clock: new VirtualClock() });
    coordinator.pause();
    await coordinator.start({ at: new Date(0) }, { id: "x" });
    expect(() => coordinator.supervisor.getPersistedSnapshot()).toThrow(
      expect.objectContaining({
        code: "SERIALIZATION_FAILED",
        message: 'input of execution "x".at cannot be written as JSON: it is a Date',
      }),
    );
    await coordinator.close({ mode: "cancel" });
  });

  it("of something else is refused when the coordinator is made", () => {
    expect(() => manualWorld({ snapshot: { version: 7 } as unknown as CoordinatorSnapshot })).toThrow(
      expect.objectContaining({ field: "snapshot" }),
    );
  });
});
