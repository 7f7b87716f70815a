import { describe, expect, it } from "vitest";
import { createCoordinator, ExecutionFailedError, NonRetryableError } from "../../../src/index.ts";
import { VirtualClock } from "../../../src/testing/index.ts";
import { manualWorld } from "./new-coordinator.ts";

const backoff = { type: "exponential", delayMs: 100, factor: 3, maxDelayMs: 500, jitter: 0 } as const;

describe("R11 cancel", () => {
  it("resolves to true when it was live, aborts its signal, ends it as cancelled, and touches nobody else", async () => {
    const { coordinator, work, clock } = manualWorld();
    const [first, second] = (await coordinator.startMany([{ input: "" }, { input: "" }])) as [string, string];
    expect(await coordinator.cancel(first, "not needed")).toBe(true);
    await expect(coordinator.waitFor(first)).rejects.toMatchObject({ code: "EXECUTION_CANCELLED", reason: "not needed" });
    await clock.settle();
    expect(work.signalOf(first).aborted).toBe(true);
    expect(coordinator.getStatus(first)).toMatchObject({ status: "cancelled", reason: "not needed", completedAt: 1_000 });
    expect(coordinator.getStatus(second)?.status).toBe("running");
    expect([await coordinator.cancel(first), await coordinator.cancel("nobody")]).toEqual([false, false]);
    await coordinator.close({ mode: "cancel" });
  });

  it("of one that is queued ends it at once and never runs it", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1 });
    const [first, second] = (await coordinator.startMany([{ input: "" }, { input: "" }])) as [string, string];
    await coordinator.cancel(second);
    expect(coordinator.getStatus(second)).toMatchObject({ status: "cancelled", attempt: 0, durationMs: 0 });
    work.complete(first, "");
    await clock.settle();
    expect(work.calls).toHaveLength(1);
    await coordinator.close();
  });

  it("keeps the slot until the orchestrator settles, and a late result does not complete it", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1 }, false);
    const [first, second] = (await coordinator.startMany([{ input: "" }, { input: "" }])) as [string, string];
    await coordinator.cancel(first);
    expect(await coordinator.cancel(first)).toBe(true);
    expect(coordinator.getStatus(first)?.state).toBe("running.cancelling");
    expect(coordinator.getStatus(second)?.status).toBe("queued");
    work.complete(first, "too late");
    await clock.settle();
    expect(coordinator.getStatus(first)).toMatchObject({ status: "cancelled" });
    expect(coordinator.getStatus(first)?.result).toBeUndefined();
    expect(coordinator.getStatus(second)?.status).toBe("running");
    work.complete(second, "");
    await coordinator.close();
  });

  it("abandons an orchestrator that ignores its signal when the grace period is over, and counts it", async () => {
    const { coordinator, work, clock } = manualWorld({ maxConcurrent: 1, cancelGraceMs: 50 }, false);
    const id = await coordinator.start("");
    await coordinator.cancel(id);
    await clock.advance(49);
    expect(coordinator.getStatus(id)?.state).toBe("running.cancelling");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", abandoned: true });
    expect(coordinator.stats.get().context).toMatchObject({ abandoned: 1, slotsTaken: 0 });
    work.complete(id, "much too late");
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", abandoned: true });
    await coordinator.close();
  });
});

describe("R12 the signal of a start", () => {
  it("cancels the execution when it is aborted later, and is listened to no longer than the execution lives", async () => {
    const { coordinator, clock } = manualWorld();
    const controller = new AbortController();
    const id = await coordinator.start("", { signal: controller.signal });
    controller.abort();
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "cancelled", reason: "its start signal was aborted" });
    await coordinator.close();
  });

  it("refuses the start when it is aborted already", async () => {
    const { coordinator } = manualWorld();
    await expect(coordinator.start("", { signal: AbortSignal.abort("no") })).rejects.toMatchObject({ code: "START_ABORTED", cause: "no" });
    expect(coordinator.counts().total).toBe(0);
    await coordinator.close();
  });
});

describe("R15 an orchestrator that throws", () => {
  it("fails its execution with that error, and the others go on: of 100, every third", async () => {
    const coordinator = createCoordinator({
      orchestrator: async (n: number) => {
        if (n % 3 === 0) throw new RangeError(`no ${n}`);
        return n;
      },
    });
    const ids = await coordinator.startMany(Array.from({ length: 100 }, (_, index) => ({ input: index + 1 })));
    await coordinator.drain();
    expect(coordinator.counts()).toMatchObject({ failed: 33, completed: 67, total: 100 });
    expect(coordinator.getStatus(ids[2] as string)?.error).toMatchObject({ name: "RangeError", message: "no 3" });
    const failure = await coordinator.waitFor(ids[2] as string).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ExecutionFailedError);
    expect(failure).toMatchObject({ cause: expect.any(RangeError), message: expect.stringContaining("no 3") });
    await coordinator.close();
  });

  it.each([
    [
      "throws before its first await",
      () => {
        throw new Error("sync");
      },
      "sync",
    ],
    ["throws undefined", () => Promise.reject(undefined), "undefined"],
    ["throws null", () => Promise.reject(null), "null"],
    ["throws a text", () => Promise.reject("text"), "text"],
    [
      "throws something unreadable",
      () =>
        Promise.reject(
          new Proxy(
            {},
            {
              get: () => {
                throw new Error("trap");
              },
            },
          ),
        ),
      "something was thrown that cannot be read",
    ],
  ])("that %s only fails", async (_, orchestrator, message) => {
    const coordinator = createCoordinator({ orchestrator: orchestrator as (input: undefined) => Promise<never> });
    const id = await coordinator.start(undefined);
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_FAILED" });
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { message } });
    await coordinator.close();
  });
});

describe("retry", () => {
  it("repeats a failed attempt after growing delays, up to maxAttempts", async () => {
    const { coordinator, work, clock } = manualWorld({ retry: { maxAttempts: 4, backoff } });
    const id = await coordinator.start("");
    const delays: number[] = [];
    coordinator.on("execution.retrying", ({ delayMs }) => delays.push(delayMs));
    for (let attempt = 1; attempt <= 4; attempt++) {
      await work.whenCalled(id, attempt);
      work.fail(id, new Error(`attempt ${attempt}`));
      await clock.advance(500);
    }
    expect(delays).toEqual([100, 300, 500]);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", attempt: 4, maxAttempts: 4, error: { message: "attempt 4" } });
    await coordinator.close();
  });

  it.each([
    ["a NonRetryableError", {}, new NonRetryableError("never again")],
    ["what retryIf declines", { retryIf: () => false }, new Error("declined")],
  ])("does not repeat %s", async (_, retry, error) => {
    const { coordinator, work, clock } = manualWorld({ retry: { maxAttempts: 3, backoff, ...retry } });
    const id = await coordinator.start("");
    work.fail(id, error);
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", attempt: 1 });
    await coordinator.close();
  });

  it("does not repeat when retryIf throws, and reports what it threw", async () => {
    const broken = new Error("broken rule");
    const { coordinator, work, clock, errors } = manualWorld({
      retry: {
        maxAttempts: 3,
        retryIf: () => {
          throw broken;
        },
      },
    });
    const id = await coordinator.start("");
    work.fail(id, new Error("no"));
    await clock.settle();
    expect(coordinator.getStatus(id)?.status).toBe("failed");
    expect(errors).toEqual([broken]);
    await coordinator.close();
  });

  it("is set per start, too, and a cancel ends the wait between two attempts", async () => {
    const { coordinator, work, clock } = manualWorld();
    const id = await coordinator.start("", { retry: { maxAttempts: 2, backoff } });
    work.fail(id, new Error("once"));
    await clock.settle();
    expect(coordinator.getStatus(id)?.state).toBe("queued.delayed");
    await coordinator.cancel(id);
    expect(coordinator.getStatus(id)?.status).toBe("cancelled");
    await clock.advance(1_000);
    expect(work.calls).toHaveLength(1);
    await coordinator.close();
  });
});

describe("timeoutMs", () => {
  it("fails an attempt that runs longer, once its orchestrator has settled", async () => {
    const { coordinator, clock, work } = manualWorld({ timeoutMs: 100 }, false);
    const id = await coordinator.start("");
    await clock.advance(100);
    expect(coordinator.getStatus(id)?.state).toBe("running.timingOut");
    expect(work.signalOf(id).aborted).toBe(true);
    work.complete(id, "too late");
    await clock.settle();
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", error: { code: "EXECUTION_TIMEOUT" } });
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_TIMEOUT", timeoutMs: 100 });
    await coordinator.close();
  });

  it("counts for each attempt: a timed-out one is retried once it has settled", async () => {
    const { coordinator, clock, work } = manualWorld({ timeoutMs: 100, retry: { maxAttempts: 2, backoff } });
    const id = await coordinator.start("");
    await clock.advance(100);
    expect(coordinator.getStatus(id)).toMatchObject({ state: "queued.delayed", error: { code: "EXECUTION_TIMEOUT" } });
    await clock.advance(100);
    expect(coordinator.getStatus(id)).toMatchObject({ state: "running.working", attempt: 2 });
    work.complete(id, "in time");
    await expect(coordinator.waitFor(id)).resolves.toBe("in time");
    await coordinator.close();
  });

  it("never runs a second attempt beside a first one that ignores its signal", async () => {
    const { coordinator, clock, work } = manualWorld({ timeoutMs: 100, cancelGraceMs: 50, retry: { maxAttempts: 2, backoff } }, false);
    const id = await coordinator.start("");
    await clock.advance(10_000);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", abandoned: true, attempt: 1 });
    expect(work.calls).toHaveLength(1);
    await coordinator.close();
  });

  it("is not moved by somebody who sets the machine's clock", async () => {
    const { coordinator, clock } = manualWorld({ timeoutMs: 100 });
    const id = await coordinator.start("");
    clock.jump(-3_600_000);
    expect(coordinator.getStatus(id)?.durationMs).toBe(0);
    await clock.advance(99);
    expect(coordinator.getStatus(id)?.state).toBe("running.working");
    await clock.advance(1);
    expect(coordinator.getStatus(id)).toMatchObject({ status: "failed", durationMs: 0 });
    await coordinator.close();
  });
});

describe("waitFor", () => {
  it("gives up after its own timeoutMs or signal, and the execution goes on", async () => {
    const { coordinator, clock, work } = manualWorld();
    const id = await coordinator.start("");
    const impatient = coordinator.waitFor(id, { timeoutMs: 10 });
    const stopped = coordinator.waitFor(id, { signal: AbortSignal.abort("enough") });
    const outcomes = Promise.allSettled([impatient, stopped]);
    await clock.advance(10);
    expect(await outcomes).toMatchObject([{ reason: { code: "WAIT_TIMEOUT" } }, { reason: "enough" }]);
    const patient = coordinator.waitFor(id);
    work.complete(id, "at last");
    expect(await patient).toBe("at last");
    expect(clock.pending).toBe(1);
    await coordinator.close();
    expect(clock.pending).toBe(0);
  });

  it("that began before a record is removed gets the outcome; later ones are told that there is none", async () => {
    const { coordinator, work } = manualWorld({ retention: { maxCount: 0 } });
    const id = await coordinator.start("");
    const before = coordinator.waitFor(id);
    work.complete(id, "gone");
    expect(await before).toBe("gone");
    await expect(coordinator.waitFor(id)).rejects.toMatchObject({ code: "EXECUTION_NOT_FOUND" });
    await coordinator.close();
  });
});

describe("an orchestrator that ends itself", () => {
  it("as cancelled by throwing ExecutionCancelledError with its own id", async () => {
    const { ExecutionCancelledError } = await import("../../../src/index.ts");
    const coordinator = createCoordinator({
      clock: new VirtualClock(),
      orchestrator: async (id: string, { executionId }) => {
        throw new ExecutionCancelledError(id === "" ? executionId : id, "had enough");
      },
    });
    const [own, other] = (await coordinator.startMany([{ input: "" }, { input: "somebody else" }])) as [string, string];
    await coordinator.drain();
    expect(coordinator.getStatus(own)).toMatchObject({ status: "cancelled", reason: "had enough" });
    expect(coordinator.getStatus(other)?.status).toBe("failed");
    await coordinator.close();
  });
});
