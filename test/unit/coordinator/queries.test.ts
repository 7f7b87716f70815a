import { describe, expect, it } from "vitest";
import type { ExecutionQuery } from "../../../src/index.ts";
import { manualWorld } from "./new-coordinator.ts";

describe("R9 getStatus", () => {
  it("is undefined for an unknown id", async () => {
    const { coordinator } = manualWorld();
    expect(coordinator.getStatus("nobody")).toBeUndefined();
    await coordinator.close();
  });

  it("never shows a final status without completedAt, nor failed without an error, over 1 000 transitions", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 7 });
    let seen = 0;
    coordinator.on("*", ({ executionId }) => {
      const info = coordinator.getStatus(executionId);
      seen += 1;
      if (info === undefined) return;
      const isFinal = info.status !== "queued" && info.status !== "running";
      expect(isFinal).toBe(info.completedAt !== undefined);
      expect(info.status === "failed").toBe(info.error !== undefined);
      expect(info.durationMs).toBeGreaterThanOrEqual(0);
    });
    await coordinator.startMany(Array.from({ length: 400 }, () => ({ input: "" })));
    for (let turn = 0; work.open.length > 0; turn++) {
      const id = work.open[turn % work.open.length] as string;
      if (turn % 3 === 0) work.complete(id, "");
      else if (turn % 3 === 1) work.fail(id, new Error(`turn ${turn}`));
      else await coordinator.cancel(id);
      await clock.advance(1);
    }
    expect(seen).toBe(400 * 3 + coordinator.counts().cancelled);
    expect(coordinator.counts().total).toBe(400);
    await coordinator.close();
  });
});

describe("R10 durationMs", () => {
  it("counts from the first start while it lives, stands still afterwards, and is never negative", async () => {
    const { coordinator, work, clock } = manualWorld();
    const id = await coordinator.start("");
    await clock.advance(40);
    expect(coordinator.getStatus(id)?.durationMs).toBe(40);
    clock.jump(-1_000);
    expect(coordinator.getStatus(id)?.durationMs).toBe(0);
    clock.jump(1_000);
    work.complete(id, "");
    await clock.advance(1_000);
    expect(coordinator.getStatus(id)).toMatchObject({ durationMs: 40, startedAt: 1_000, completedAt: 1_040 });
    await coordinator.close();
  });
});

describe("R13 list", () => {
  it("gives the records of getStatus in the order of start, whatever order they ended in", async () => {
    const { coordinator, work, clock } = manualWorld();
    const ids = await coordinator.startMany(["a", "b", "c"].map((input) => ({ input })));
    work.fail(ids[2] as string, new Error("c failed"));
    await clock.settle();
    work.complete(ids[0] as string, "");
    await clock.settle();
    const { items, nextCursor } = coordinator.list();
    expect(items).toEqual(ids.map((id) => coordinator.getStatus(id)));
    expect(items[2]?.error?.message).toBe("c failed");
    expect(nextCursor).toBeUndefined();
    await coordinator.close({ mode: "cancel" });
  });

  it("filters by status, group and tag, and goes from page to page without losing or repeating one", async () => {
    const { coordinator } = manualWorld({ maxConcurrent: 4 });
    await coordinator.startMany(
      Array.from({ length: 10 }, (_, n) => ({
        input: "",
        options: { group: n % 2 === 0 ? "even" : "odd", tags: n % 3 === 0 ? ["third"] : [] },
      })),
    );
    const idsOf = (query: ExecutionQuery) => coordinator.list(query).items.map(({ id }) => id);
    expect(idsOf({ status: "running", group: "even" })).toEqual(["a-1", "a-3"]);
    expect(idsOf({ tag: "third" })).toEqual(["a-1", "a-4", "a-7", "a-10"]);
    expect(idsOf({ tag: "third", group: "odd", status: "queued" })).toEqual(["a-10"]);
    expect(idsOf({ group: "nobody" })).toEqual([]);
    const seen: string[] = [];
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = coordinator.list({ limit: 3, ...(cursor !== undefined && { cursor }) });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(Array.from({ length: 10 }, (_, n) => `a-${n + 1}`));
    await coordinator.close({ mode: "cancel" });
  });

  it("stays on its way when records before the cursor are removed", async () => {
    const { coordinator, work, clock } = manualWorld();
    const ids = await coordinator.startMany(Array.from({ length: 4 }, () => ({ input: "" })));
    const { nextCursor } = coordinator.list({ limit: 2 });
    work.complete(ids[1] as string, "");
    await clock.advance(5);
    await coordinator.cleanup({ olderThanMs: 1 });
    expect(coordinator.list({ cursor: nextCursor as string }).items.map(({ id }) => id)).toEqual(["a-3", "a-4"]);
    await coordinator.close({ mode: "cancel" });
  });

  it.each([
    [{ status: "done" }, "query.status"],
    [{ limit: 0 }, "query.limit"],
    [{ limit: 1_001 }, "query.limit"],
    [{ cursor: "not a cursor" }, "query.cursor"],
    [{ statuses: ["queued"] }, "query.statuses"],
    ["running", "query"],
  ])("refuses %j and names the field", async (query, field) => {
    const { coordinator } = manualWorld();
    expect(() => coordinator.list(query as ExecutionQuery)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID", field }));
    await coordinator.close();
  });
});

describe("R14 cleanup", () => {
  it("removes what ended strictly more than an hour ago, never what lives, and says how many", async () => {
    const { coordinator, work, clock } = manualWorld({ retention: { maxAgeMs: Number.POSITIVE_INFINITY } });
    const [old, recent] = (await coordinator.startMany([{ input: "" }, { input: "" }, { input: "" }])) as [string, string];
    work.complete(old, "");
    await clock.advance(3_600_000);
    expect(await coordinator.cleanup()).toBe(0);
    work.complete(recent, "");
    await clock.advance(1);
    expect(await coordinator.cleanup()).toBe(1);
    expect(coordinator.list().items.map(({ status }) => status)).toEqual(["completed", "running"]);
    expect(await coordinator.cleanup({ olderThanMs: 0 })).toBe(1);
    await expect(coordinator.cleanup({ olderThanMs: -1 })).rejects.toMatchObject({ field: "olderThanMs" });
    await coordinator.close({ mode: "cancel" });
  });
});

describe("R18 retention", () => {
  it("keeps the newest maxCount of 10 000 short executions, and no more, at any moment", async () => {
    const { coordinator, clock } = manualWorld({ maxConcurrent: 1, retention: { maxCount: 100 } });
    const removed: string[] = [];
    coordinator.on("execution.removed", ({ executionId }) => removed.push(executionId));
    coordinator.pause();
    for (let n = 0; n < 10_000; n++) {
      await coordinator.cancel(await coordinator.start(""));
      expect(coordinator.counts().total).toBeLessThanOrEqual(100);
    }
    expect(coordinator.list({ limit: 1_000 }).items.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, n) => `a-${9_901 + n}`));
    expect(removed).toHaveLength(9_900);
    expect(removed[0]).toBe("a-1");
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it("removes by age without being asked", async () => {
    const { coordinator, work, clock } = manualWorld({ retention: { maxAgeMs: 1_000 } });
    work.complete(await coordinator.start(""), "");
    await clock.advance(500);
    work.complete(await coordinator.start(""), "");
    await clock.advance(500);
    expect(coordinator.counts().total).toBe(2);
    await clock.advance(1);
    expect(coordinator.counts().total).toBe(1);
    await clock.advance(500);
    expect(coordinator.counts().total).toBe(0);
    await coordinator.close();
  });
});

describe("stats", () => {
  it("is a store that agrees with counts and tells every change", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1 });
    const seen: string[] = [];
    coordinator.stats.subscribe(({ context }) =>
      seen.push(`${context.queued}/${context.running}/${context.completed} of ${context.maxConcurrent}`),
    );
    const ids = await coordinator.startMany([{ input: "" }, { input: "" }]);
    work.complete(ids[0] as string, "");
    await clock.settle();
    coordinator.setMaxConcurrent(4);
    expect(seen).toEqual(["1/1/0 of 1", "0/1/1 of 1", "0/1/1 of 4"]);
    const { total: _, ...counts } = coordinator.counts();
    expect(coordinator.stats.get().context).toMatchObject(counts);
    await coordinator.close({ mode: "cancel" });
    expect(coordinator.stats.get().context).toMatchObject({ mode: "closed", running: 0, slotsTaken: 0 });
  });
});
