import { describe, expect, it } from "vitest";
import { ExecutionCancelledError, ExecutionTimeoutError, NonRetryableError } from "../../../src/model/errors.ts";
import { createManualSetup } from "./manual-setup.ts";

const backoff = { type: "exponential", delayMs: 100, factor: 3, maxDelayMs: 500, jitter: 0 } as const;

describe("retries", () => {
  it("wait for a delay that grows by the factor up to maxDelayMs, then the execution fails with the last error", async () => {
    const { clock, work, coordinator, events } = createManualSetup({ retry: { maxAttempts: 4, backoff } });
    const id = await coordinator.start(1);
    const end = coordinator.waitFor(id).catch((error: unknown) => error);
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await clock.settle();
      work.fail(id, new Error(`no ${attempt}`));
      await clock.advance(500);
    }
    expect(events.flatMap((event) => (event.type === "execution.retrying" ? [event.delayMs] : []))).toEqual([100, 300, 500]);
    expect(await end).toMatchObject({ code: "EXECUTION_FAILED", error: { message: "no 4" } });
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", attempt: 4, maxAttempts: 4 });
    await coordinator.close();
  });

  it("jitter draws the delay from [delay × (1 − jitter), delay]", async () => {
    const drawn = [0, 0.5, 0.998];
    const { clock, work, coordinator, events } = createManualSetup({
      random: () => drawn.shift() ?? 0,
      retry: { maxAttempts: 4, backoff: { type: "exponential", delayMs: 1_000, factor: 1, jitter: 0.5 } },
    });
    const id = await coordinator.start(1);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await clock.settle();
      work.fail(id, new Error("no"));
      await clock.advance(1_000);
    }
    expect(events.flatMap((event) => (event.type === "execution.retrying" ? [event.delayMs] : []))).toEqual([1_000, 750, 501]);
    await coordinator.close({ mode: "cancel" });
  });

  it("do not happen for NonRetryableError, nor where retryIf says no", async () => {
    const { clock, work, coordinator } = createManualSetup({
      retry: { maxAttempts: 9, backoff, retryIf: (error) => (error as Error).message !== "fatal" },
    });
    await coordinator.start(1, { id: "a" });
    await coordinator.start(2, { id: "b" });
    await clock.settle();
    work.fail("a", new NonRetryableError("never"));
    work.fail("b", new Error("fatal"));
    await clock.settle();
    expect(["a", "b"].map((id) => coordinator.getStatus(id)?.status)).toEqual(["failed", "failed"]);
    await coordinator.close();
  });

  it("a retryIf that throws is reported, and the execution fails with its own error", async () => {
    const { clock, work, coordinator, errors } = createManualSetup({
      retry: {
        maxAttempts: 2,
        retryIf: () => {
          throw new Error("of retryIf");
        },
      },
    });
    const id = await coordinator.start(1);
    await clock.settle();
    work.fail(id, new Error("own"));
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { message: "own" } });
    expect(errors).toMatchObject([{ message: "of retryIf" }]);
    await coordinator.close();
  });

  it("a random that gives no number does not leave the execution waiting for ever", async () => {
    const { clock, work, coordinator } = createManualSetup({ random: () => Number.NaN, retry: { maxAttempts: 2 } });
    const id = await coordinator.start(1);
    await clock.settle();
    work.fail(id, new Error("no"));
    await clock.advance(60_000);
    expect(coordinator.getStatus(id)?.state).not.toBe("queued.delayed");
    await coordinator.close({ mode: "cancel" });
  });

  it("without a delay go on past the thousandth: the delay stays 0 however large the factor's power is", async () => {
    const { clock, work, coordinator } = createManualSetup({
      retry: { maxAttempts: 5, backoff: { type: "exponential", delayMs: 0, factor: 1e200 } },
    });
    const id = await coordinator.start(1);
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await clock.advance(1);
      work.fail(id, new Error("no"));
    }
    await clock.advance(60_000);
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.working", attempt: 5 });
    await coordinator.close({ mode: "cancel" });
  });

  it("are cancelled while they wait", async () => {
    const { clock, work, coordinator } = createManualSetup({ retry: { maxAttempts: 2, backoff } });
    const id = await coordinator.start(1);
    await clock.settle();
    work.fail(id, new Error("no"));
    await clock.settle();
    expect(await coordinator.cancel(id)).toBe(true);
    await clock.advance(1_000);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", attempt: 1 });
    expect(work.calls).toHaveLength(1);
    await coordinator.close();
  });

  it("shows why the last attempt failed also when undefined was thrown", async () => {
    const { clock, work, coordinator } = createManualSetup({ retry: { maxAttempts: 2, backoff } });
    const id = await coordinator.start(1);
    await clock.settle();
    work.fail(id, undefined);
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ state: "queued.delayed", error: { message: "undefined" } });
    await coordinator.close({ mode: "cancel" });
  });
});

describe("timeouts", () => {
  it("are counted from running, not while queued", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1, timeoutMs: 100 });
    const first = await coordinator.start(1);
    const second = await coordinator.start(2);
    await clock.advance(90);
    work.complete(first, 1);
    await clock.advance(99);
    expect(coordinator.getStatus(second)?.state).toBe("running.working");
    await clock.advance(1);
    await expect(coordinator.waitFor(second)).rejects.toBeInstanceOf(ExecutionTimeoutError);
    expect(work.signalOf(second).reason).toBeInstanceOf(ExecutionTimeoutError);
    await coordinator.close();
  });

  it("of one start goes before the coordinator's", async () => {
    const { clock, coordinator } = createManualSetup({ timeoutMs: 100 });
    const id = await coordinator.start(1, { timeoutMs: 10 });
    await clock.advance(10);
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ timeoutMs: 10, executionId: id });
    await coordinator.close();
  });

  it("are per attempt: retried when attempts are left", async () => {
    const { clock, work, coordinator, told } = createManualSetup({ timeoutMs: 100, retry: { maxAttempts: 2, backoff } });
    const id = await coordinator.start(1);
    await clock.advance(200);
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.working", attempt: 2 });
    await clock.advance(99);
    work.complete(id, "late but well");
    await expect(coordinator.waitFor(id)).resolves.toBe("late but well");
    expect(told()).toEqual(["queued", "started", "timingOut", "retrying", "started", "completed"].map((type) => `${type} ${id}`));
    await coordinator.close();
  });

  it("a signal that is ignored: the slot stays taken for cancelGraceMs, then failed and abandoned", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1, timeoutMs: 100, cancelGraceMs: 50, honoursCancel: false });
    const id = await coordinator.start(1);
    const next = await coordinator.start(2);
    await clock.advance(149);
    expect(coordinator.getStatus(id)?.state).toBe("running.timingOut");
    expect(coordinator.getStatus(next)?.status).toBe("queued");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", abandoned: true, error: { code: "EXECUTION_TIMEOUT" } });
    expect(coordinator.getStatus(next)?.status).toBe("running");
    expect(coordinator.stats.get().context.abandoned).toBe(1);
    work.complete(id, "much too late");
    work.complete(next, 1);
    await clock.settle();
    expect(coordinator.getStatus(id)?.status).toBe("failed");
    await coordinator.close();
  });

  it("a result that comes while timing out changes nothing", async () => {
    const { clock, work, coordinator } = createManualSetup({ timeoutMs: 100, honoursCancel: false });
    const id = await coordinator.start(1);
    await clock.advance(100);
    work.complete(id, "too late");
    await expect(coordinator.waitFor(id)).rejects.toBeInstanceOf(ExecutionTimeoutError);
    expect(coordinator.getStatus(id)?.abandoned).toBeUndefined();
    await coordinator.close();
  });

  it("of another execution that this one waited for is a failure of this one, with that timeout as its cause", async () => {
    const inner = createManualSetup({ timeoutMs: 50 });
    const outer = createManualSetup();
    const nested = await inner.coordinator.start(1, { id: "inner" });
    const id = await outer.coordinator.start(1, { id: "outer" });
    await outer.clock.settle();
    const waits = inner.coordinator.waitFor(nested).catch((error: unknown) => outer.work.fail(id, error));
    await inner.clock.advance(50);
    await waits;
    await expect(outer.coordinator.waitFor(id)).rejects.toMatchObject({
      code: "EXECUTION_FAILED",
      executionId: "outer",
      cause: { code: "EXECUTION_TIMEOUT", executionId: "inner" },
    });
    await inner.coordinator.close();
    await outer.coordinator.close();
  });
});

describe("R11: cancel", () => {
  it("is true while live, repeatable, and false for an unknown or ended one; nobody else is touched", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 2, honoursCancel: false });
    for (const id of ["a", "b", "queued"]) await coordinator.start(id, { id });
    await clock.settle();
    expect(await coordinator.cancel("nobody")).toBe(false);
    expect(await coordinator.cancel("a", "why")).toBe(true);
    expect(await coordinator.cancel("a", "again")).toBe(true);
    expect(await coordinator.cancel("queued")).toBe(true);
    expect(coordinator.getStatus("queued")).toMatchObject({ status: "cancelled", attempt: 0, durationMs: 0 });
    expect(coordinator.getStatus("a")).toMatchObject({ state: "running.cancelling", reason: "why" });
    expect(work.signalOf("a").reason).toBeInstanceOf(ExecutionCancelledError);
    expect(work.signalOf("b").aborted).toBe(false);
    work.complete("a", "a result that changes nothing");
    await expect(coordinator.waitFor("a")).rejects.toMatchObject({ code: "EXECUTION_CANCELLED", reason: "why" });
    expect(await coordinator.cancel("a")).toBe(false);
    work.complete("b", 1);
    await expect(coordinator.waitFor("b")).resolves.toBe(1);
    await coordinator.close();
  });

  it("keeps the slot until the orchestrator settles, or until cancelGraceMs is over", async () => {
    const { clock, work, coordinator } = createManualSetup({ maxConcurrent: 1, cancelGraceMs: 100, honoursCancel: false });
    for (const id of ["a", "b", "c"]) await coordinator.start(id, { id });
    await clock.settle();
    await coordinator.cancel("a");
    await clock.advance(99);
    expect(coordinator.getStatus("b")?.status).toBe("queued");
    work.fail("a", new Error("on the way out"));
    await clock.settle();
    expect(coordinator.getStatus("a")?.status).toBe("cancelled");
    expect(coordinator.getStatus("a")?.abandoned).toBeUndefined();
    await coordinator.cancel("b");
    await clock.advance(100);
    expect(coordinator.getStatus("b")).toMatchObject({ status: "cancelled", abandoned: true });
    expect(coordinator.getStatus("c")?.status).toBe("running");
    work.complete("b", 1);
    work.complete("c", 1);
    await coordinator.close();
  });

  it("in the tick of the start: the orchestrator is not even called", async () => {
    const { clock, work, coordinator } = createManualSetup();
    const start = coordinator.start(1, { id: "a" });
    const cancel = start.then(() => coordinator.cancel("a"));
    coordinator.on("execution.started", () => void coordinator.cancel("a"));
    await cancel;
    await clock.settle();
    expect(coordinator.getStatus("a")?.status).toBe("cancelled");
    expect(work.calls.length).toBeLessThanOrEqual(1);
    await coordinator.close();
  });
});
