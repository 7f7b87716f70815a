import type { StandardSchemaV1 } from "@standard-schema/spec";
import { describe, expect, it } from "vitest";
import { ActorfleetError, createCoordinator, InvalidInputError, type StartOptions } from "../../../src/index.ts";
import { manualWorld } from "./new-coordinator.ts";

describe("bad options", () => {
  it.each([
    [{ maxQueued: -1 }, "maxQueued", "a whole number >= 0 or Infinity"],
    [{ maxConcurrentPerGroup: 0 }, "maxConcurrentPerGroup", "a whole number >= 1 or a function of the group"],
    [{ rateLimit: { limit: 1 } }, "rateLimit.intervalMs", "milliseconds > 0"],
    [{ rateLimit: { limit: 0, intervalMs: 1 } }, "rateLimit.limit", "a whole number >= 1"],
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts", "a whole number >= 1 or Infinity"],
    [{ retry: { backoff: { type: "linear" } } }, "retry.backoff.type", "one of exponential"],
    [{ retry: { backoff: { type: "exponential", jitter: 2 } } }, "retry.backoff.jitter", "a number from 0 to 1"],
    [{ timeoutMs: 0 }, "timeoutMs", "milliseconds > 0"],
    [{ cancelGraceMs: "1s" }, "cancelGraceMs", "milliseconds >= 0"],
    [{ retention: { maxCount: 1.5 } }, "retention.maxCount", "a whole number >= 0 or Infinity"],
    [{ clock: {} }, "clock", "an object with now, monotonicNow, setTimeout, clearTimeout"],
    [{ onError: "log" }, "onError", "a function"],
    [{ inspect: 1 }, "inspect", "a function or an observer with next"],
    [{ inputSchema: {} }, "inputSchema", "a schema that implements Standard Schema"],
  ])("%j are refused when the coordinator is made, with field, expectation and what came", (options, field, expected) => {
    expect(() => manualWorld(options as object)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID", field, expected }));
  });

  it("names an unknown option and those there are", () => {
    expect(() => manualWorld({ maxConcurency: 3 } as object)).toThrow(/maxConcurency: expected no such field; known are .*maxConcurrent/);
  });

  it.each([undefined, null, 5, [], { orchestrator: "x" }, {}])("%j are no options at all", (options) => {
    expect(() => createCoordinator(options as never)).toThrow(expect.objectContaining({ code: "OPTIONS_INVALID" }));
  });

  it.each([
    [{ id: "" }, "id"],
    [{ priority: Number.NaN }, "priority"],
    [{ group: "" }, "group"],
    [{ tags: "one" }, "tags"],
    [{ tags: ["one", 2] }, "tags[1]"],
    [{ delayMs: -1 }, "delayMs"],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, "timeoutMs"],
    [{ retry: { retryIf: () => true } }, "retry.retryIf"],
    [{ signal: {} }, "signal"],
    [{ prority: 1 }, "prority"],
    ["high", "options"],
  ])("%j of a start are refused and leave no trace", async (options, field) => {
    const { coordinator, work } = manualWorld();
    await expect(coordinator.start("", options as StartOptions)).rejects.toMatchObject({ code: "OPTIONS_INVALID", field });
    expect([coordinator.counts().total, work.calls.length]).toEqual([0, 0]);
    await coordinator.close();
  });

  it("of a group's limit function refuse the start that asks it", async () => {
    const { coordinator } = manualWorld({ maxConcurrentPerGroup: (group) => (group === "bad" ? 0 : 1) });
    await expect(coordinator.start("", { group: "bad" })).rejects.toMatchObject({ field: 'maxConcurrentPerGroup("bad")', received: 0 });
    await coordinator.start("", { group: "good" });
    expect(coordinator.counts().total).toBe(1);
    await coordinator.close({ mode: "cancel" });
  });

  it("are marked as errors of this library", async () => {
    const error = await Promise.resolve()
      .then(() => manualWorld({ maxConcurrent: 0 }))
      .catch((thrown: unknown) => thrown);
    expect(ActorfleetError.isInstance(error)).toBe(true);
    expect(ActorfleetError.isInstance(new Error("other"))).toBe(false);
  });
});

describe("R20 inputSchema", () => {
  const nonEmpty: StandardSchemaV1<unknown, string> = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: async (value) =>
        typeof value === "string" && value !== ""
          ? { value: value.trim() }
          : { issues: [{ message: "must be text", path: ["city", { key: 0 }] }] },
    },
  };

  it("refuses an input it does not accept, with the path, before a record exists", async () => {
    const { coordinator } = manualWorld({ inputSchema: nonEmpty });
    const refusal = await coordinator.start("").catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InvalidInputError);
    expect(refusal).toMatchObject({ message: "input.city.0: must be text", issues: [{ path: ["city", 0] }] });
    await expect(coordinator.startMany([{ input: "good" }, { input: "" }])).rejects.toMatchObject({ code: "INPUT_INVALID" });
    expect(coordinator.counts().total).toBe(0);
    await coordinator.close();
  });

  it("may change the input it accepts", async () => {
    const { coordinator, work } = manualWorld({ inputSchema: nonEmpty });
    await coordinator.start("  Lisbon ");
    expect(work.calls[0]?.input).toBe("Lisbon");
    await coordinator.close({ mode: "cancel" });
  });
});
