import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { CapacityExceededError, ExecutionCancelledError, ExecutionFailedError, ExecutionTimeoutError } from "../../../src/model/errors.ts";
import { LeaseLostError } from "../../../src/model/store-errors.ts";
import { createWorld } from "./durable-world.ts";

const aborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

test("a worker runs what a client started, and the client gets the result", async () => {
  const client = world.process({ orchestrator: async (n: number) => n * 2, role: "client" });
  world.process({ orchestrator: async (n: number) => n * 2, role: "worker" });
  const id = await client.start(21);
  const result = client.waitFor(id);
  await world.clock.settle();
  expect(await result).toBe(42);
  expect(await client.getStatus(id)).toMatchObject({ status: "completed", result: 42, attempt: 1, takeovers: 0 });
});

test("an error reaches waitFor as ExecutionFailedError, and the worker goes on", async () => {
  const both = world.process({
    orchestrator: async (n: number) => {
      if (n % 3 === 0) throw new RangeError("three");
      return n;
    },
  });
  const ids = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => both.start(n)));
  await world.clock.advance(100);
  await expect(both.waitFor(ids[2] as string)).rejects.toThrow(ExecutionFailedError);
  expect(await both.counts()).toMatchObject({ completed: 4, failed: 2 });
  expect(both.stats.getSnapshot().context).toMatchObject({ completed: 4, failed: 2, slotsTaken: 0 });
});

test("never more than maxConcurrent run in a process, and a hundred are all run once", async () => {
  let running = 0;
  let most = 0;
  const runs = new Map<number, number>();
  const orchestrator = async (n: number) => {
    most = Math.max(most, ++running);
    runs.set(n, (runs.get(n) ?? 0) + 1);
    await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 10));
    running -= 1;
  };
  const both = world.process({ orchestrator, maxConcurrent: 7 });
  await both.startMany(Array.from({ length: 100 }, (_, n) => ({ input: n })));
  const drained = both.drain();
  await world.clock.advance(2_000);
  await drained;
  expect(most).toBe(7);
  expect([...runs.values()]).toEqual(Array.from({ length: 100 }, () => 1));
  expect(await both.counts()).toMatchObject({ completed: 100 });
});

test("a failed attempt is queued again in the store with its backoff and counts", async () => {
  const attempts: number[] = [];
  const orchestrator = async (_: null, { attempt }: ExecutionScope) => {
    attempts.push(attempt);
    if (attempt < 3) throw new Error("not yet");
    return "done";
  };
  const both = world.process({ orchestrator, retry: { maxAttempts: 3, backoff: { type: "exponential", delayMs: 1_000, jitter: 0 } } });
  const events: string[] = [];
  both.on("*", ({ type }) => events.push(type));
  const id = await both.start(null);
  await world.clock.advance(100);
  expect(await both.getStatus(id)).toMatchObject({ status: "queued", state: "queued.delayed", attempt: 1, error: { message: "not yet" } });
  const result = both.waitFor(id);
  await world.clock.advance(3_500);
  expect(await result).toBe("done");
  expect(attempts).toEqual([1, 2, 3]);
  expect(events).toEqual([
    ...["execution.queued", "execution.started", "execution.retrying", "execution.started", "execution.retrying"],
    ...["execution.started", "execution.completed"],
  ]);
});

test("cancel from another process aborts the signal, and it ends cancelled", async () => {
  const client = world.process({ orchestrator: async () => {}, role: "client" });
  const reasons: unknown[] = [];
  world.process({
    orchestrator: async (_: undefined, { signal }: ExecutionScope) => aborted(signal).catch((error) => reasons.push(error)),
    role: "worker",
  });
  const id = await client.start(undefined as never);
  await world.clock.advance(10);
  const end = client.waitFor(id);
  end.catch(() => {});
  expect(await client.cancel(id, "enough")).toBe(true);
  await world.clock.settle();
  await expect(end).rejects.toThrow("enough");
  expect(reasons[0]).toBeInstanceOf(ExecutionCancelledError);
  expect(await client.getStatus(id)).toMatchObject({ status: "cancelled", reason: "enough" });
});

test("a timeout fails it, and one that does not stop is abandoned after the grace period", async () => {
  const both = world.process({ orchestrator: () => new Promise(() => {}), timeoutMs: 1_000, cancelGraceMs: 500 });
  const id = await both.start(undefined as never);
  const end = both.waitFor(id);
  end.catch(() => {});
  await world.clock.advance(1_600);
  await expect(end).rejects.toThrow(ExecutionTimeoutError);
  expect(await both.getStatus(id)).toMatchObject({ status: "failed", abandoned: true });
});

test("a lease is renewed for as long as it runs", async () => {
  const orchestrator = () => new Promise((resolve) => world.clock.setTimeout(() => resolve("late"), 100_000));
  const runs = world.process({ orchestrator, leaseMs: 3_000 });
  world.process({ orchestrator, leaseMs: 3_000 });
  const id = await runs.start(undefined as never);
  const result = runs.waitFor(id);
  await world.clock.advance(100_500);
  expect(await result).toBe("late");
  expect(await runs.getStatus(id)).toMatchObject({ attempt: 1, takeovers: 0 });
});

test("a worker that cannot reach the store aborts before its lease is over, and another one takes over", async () => {
  const store = world.store();
  const seen: unknown[] = [];
  const first = world.process({
    orchestrator: async (_: null, { signal }: ExecutionScope) =>
      aborted(signal).catch((error) => {
        seen.push([world.clock.now(), error]);
        return "too late";
      }),
    leaseMs: 3_000,
    store,
  });
  const id = await first.start(null);
  await world.clock.advance(10);
  store.faults.set("*", "before");
  const startedAt = world.clock.now();
  const client = world.process({ orchestrator: async () => {}, role: "client" });
  world.process({ orchestrator: async (_: null, { attempt }: ExecutionScope) => `second, ${attempt}`, role: "worker", leaseMs: 3_000 });
  const result = client.waitFor(id);
  await world.clock.advance(5_000);
  expect(await result).toBe("second, 2");
  const [[at, error]] = seen as [[number, unknown]];
  expect(error).toBeInstanceOf(LeaseLostError);
  expect(at - startedAt).toBeLessThan(3_000);
  store.faults.clear();
  await world.clock.advance(5_000);
  expect(await client.getStatus(id)).toMatchObject({ status: "completed", result: "second, 2", attempt: 2, takeovers: 1 });
});

test("a final status is told only when the store has it, and a lost answer changes nothing", async () => {
  const store = world.store();
  const both = world.process({ orchestrator: async () => "done", store });
  const ends: string[] = [];
  both.on("execution.completed", ({ type }) => ends.push(type));
  store.faults.set("settle", "after");
  const id = await both.start(undefined as never);
  await world.clock.advance(1_000);
  expect(ends).toEqual([]);
  store.faults.clear();
  await world.clock.advance(2_000);
  expect(ends).toEqual(["execution.completed"]);
  expect(await both.waitFor(id)).toBe("done");
});

test("a claim whose answer was lost is repeated and gets the same executions, once", async () => {
  const store = world.store();
  const runs: number[] = [];
  store.faults.set("claim", "after");
  const both = world.process({ orchestrator: async (n: number) => void runs.push(n), store });
  await both.startMany([{ input: 1 }, { input: 2 }]);
  await world.clock.advance(500);
  store.faults.clear();
  await world.clock.advance(2_000);
  expect(runs).toEqual([1, 2]);
  expect(await both.counts()).toMatchObject({ completed: 2 });
});

test("a stored cancel wins over a result that comes later", async () => {
  const store = world.store();
  let finish = (_: string) => {};
  const worker = world.process({ orchestrator: () => new Promise<string>((resolve) => (finish = resolve)), store });
  const client = world.process({ orchestrator: async () => "", role: "client" });
  const id = await client.start(undefined as never);
  await world.clock.advance(10);
  store.faults.set("renew", "before");
  await client.cancel(id, "no more");
  const ends: string[] = [];
  worker.on("*", ({ type }) => ends.push(type));
  finish("done");
  await world.clock.advance(10);
  expect(await client.getStatus(id)).toMatchObject({ status: "cancelled" });
  expect(ends.at(-1)).toBe("execution.cancelled");
});

test("a group's limit holds across workers", async () => {
  let running = 0;
  let most = 0;
  const orchestrator = async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => world.clock.setTimeout(resolve, 10));
    running -= 1;
  };
  const first = world.process({ orchestrator, maxConcurrentPerGroup: 2 });
  world.process({ orchestrator, maxConcurrentPerGroup: 2 });
  for (let count = 0; count < 10; count++) await first.start(undefined as never, { group: "tenant" });
  await world.clock.advance(10_000);
  expect(await first.counts()).toMatchObject({ completed: 10 });
  expect(most).toBe(2);
});

test("paused, a worker claims nothing", async () => {
  const both = world.process({ orchestrator: async () => "ran" });
  both.pause();
  const id = await both.start(undefined as never);
  await world.clock.advance(2_000);
  expect(await both.getStatus(id)).toMatchObject({ status: "queued" });
  expect(both.stats.getSnapshot().context.mode).toBe("paused");
  both.resume();
  await world.clock.advance(10);
  expect(await both.getStatus(id)).toMatchObject({ status: "completed" });
});

test("a pause in the tick of a worker's creation, or of what wakes it, comes before the claim", async () => {
  const client = world.process({ orchestrator: async () => "ran", role: "client" });
  const early = await client.start(undefined as never);
  const store = world.store();
  const worker = world.process({ orchestrator: async () => "ran", store });
  worker.pause();
  await world.clock.advance(2_000);
  expect(store.calls.filter((call) => call === "claim")).toEqual([]);
  expect(await client.getStatus(early)).toMatchObject({ status: "queued" });
  worker.resume();
  worker.pause();
  await world.clock.advance(2_000);
  expect(store.calls.filter((call) => call === "claim")).toEqual([]);
  worker.resume();
  worker.pause();
  worker.resume();
  await world.clock.advance(10);
  expect(await client.getStatus(early)).toMatchObject({ status: "completed" });
});

test("a paused worker is drained when it holds nothing, whatever is queued", async () => {
  const orchestrator = () => new Promise<void>((resolve) => world.clock.setTimeout(resolve, 500));
  const both = world.process({ orchestrator, maxConcurrent: 1 });
  const [first, second] = await both.startMany([{ input: undefined as never }, { input: undefined as never }]);
  await world.clock.advance(10);
  let drained = 0;
  void both.drain().then(() => (drained += 1));
  both.pause();
  void both.drain().then(() => (drained += 1));
  await world.clock.advance(480);
  expect(drained).toBe(0);
  await world.clock.advance(100);
  expect(drained).toBe(2);
  expect(await both.getStatus(first as string)).toMatchObject({ status: "completed" });
  expect(await both.getStatus(second as string)).toMatchObject({ status: "queued" });
  both.resume();
  const all = both.drain();
  await world.clock.advance(2_000);
  await all;
  expect(await both.counts()).toMatchObject({ completed: 2 });
  const looking = both.drain();
  both.pause();
  await looking;
});

test("close lets what runs finish, gives back the rest at the deadline, and another worker goes on with the same attempt", async () => {
  const orchestrator = (ms: number) => new Promise<number>((resolve) => world.clock.setTimeout(() => resolve(ms), ms));
  const first = world.process({ orchestrator });
  const [short, long] = await first.startMany([{ input: 100 }, { input: 50_000 }]);
  await world.clock.advance(10);
  const closed = first.close({ deadlineMs: 1_000 });
  await world.clock.advance(1_100);
  expect(await closed).toEqual({ drained: 1, cancelled: 0, released: 1, abandoned: 0 });
  const second = world.process({ orchestrator });
  await world.clock.advance(50_100);
  expect(await second.getStatus(short as string)).toMatchObject({ status: "completed" });
  expect(await second.getStatus(long as string)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0 });
});

test("close by cancel ends what runs, and abandons what does not stop", async () => {
  const worker = world.process({
    orchestrator: (stops: boolean, { signal }: ExecutionScope) => (stops ? aborted(signal) : new Promise<never>(() => {})),
  });
  await worker.startMany([{ input: true }, { input: false }]);
  await world.clock.advance(10);
  const closed = worker.close({ mode: "cancel", deadlineMs: 1_000 });
  await world.clock.advance(1_100);
  expect(await closed).toEqual({ drained: 0, cancelled: 1, released: 0, abandoned: 1 });
});

test("with maxQueued 0 a start is refused when no slot is free", async () => {
  const both = world.process({ orchestrator: () => new Promise(() => {}), maxConcurrent: 2, maxQueued: 0, cancelGraceMs: 0 });
  await both.start(undefined as never);
  await world.clock.advance(1);
  await both.start(undefined as never);
  await world.clock.advance(1);
  await expect(both.start(undefined as never)).rejects.toThrow(CapacityExceededError);
});
