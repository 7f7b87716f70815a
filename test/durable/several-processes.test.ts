import { expect, test } from "vitest";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { ExecutionCancelledError, ExecutionFailedError, ExecutionNotFoundError, IdempotencyConflictError } from "../../src/model/errors.ts";
import { describeDurable } from "./durable-world.ts";

const untilAborted = (_: unknown, { signal }: ExecutionScope) =>
  new Promise<string>((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
const running = async (coordinator: { getStatus(id: string): Promise<{ status: string } | undefined> }, id: string) =>
  expect.poll(async () => (await coordinator.getStatus(id))?.status, { timeout: 30_000 }).toBe("running");

describeDurable("several processes", (world) => {
  test("share the work: each execution is run once, and who started it gets every result", async () => {
    const runs = new Map<number, number>();
    const orchestrator = async (n: number, { checkpoint }: ExecutionScope) => {
      runs.set(n, (runs.get(n) ?? 0) + 1);
      await checkpoint({ n });
      return n + 1;
    };
    const client = world().client({ orchestrator });
    for (let count = 0; count < 3; count++) world().worker({ orchestrator, maxConcurrent: 20 });
    const many = await client.startMany(Array.from({ length: 150 }, (_, n) => ({ input: n })));
    const single = await Promise.all(Array.from({ length: 150 }, (_, n) => client.start(150 + n)));
    const results = await Promise.all([...many, ...single].map((id) => client.waitFor(id)));
    expect(results).toEqual(Array.from({ length: 300 }, (_, n) => n + 1));
    expect([...runs.values()]).toEqual(Array.from({ length: 300 }, () => 1));
    expect(await client.counts()).toMatchObject({ completed: 300, total: 300 });
  });

  test("a third process waits for what another one started and a second one runs", async () => {
    const orchestrator = async (n: number) => {
      if (n === 0) throw new RangeError("nothing");
      return n * 2;
    };
    const [client, other] = [world().client({ orchestrator }), world().client({ orchestrator })];
    const [good, bad] = await client.startMany([{ input: 21 }, { input: 0 }]);
    const ends = Promise.allSettled([other.waitFor(good as string), other.waitFor(bad as string), other.waitFor("nobody")]);
    world().worker({ orchestrator });
    const [result, failure, unknown] = await ends;
    expect(result).toEqual({ status: "fulfilled", value: 42 });
    expect(failure).toMatchObject({ reason: expect.any(ExecutionFailedError) });
    expect((failure as PromiseRejectedResult).reason.cause ?? (failure as PromiseRejectedResult).reason).toMatchObject({
      message: expect.stringContaining("nothing"),
    });
    expect(unknown).toMatchObject({ reason: expect.any(ExecutionNotFoundError) });
  });

  test("a cancel soon reaches what runs in another process, and ends what is queued at once", async () => {
    const client = world().client({ orchestrator: untilAborted });
    world().worker({ orchestrator: untilAborted, maxConcurrent: 1 });
    const id = await client.start(null);
    await running(client, id);
    const queued = await client.start(null);
    const ends = Promise.allSettled([client.waitFor(id), client.waitFor(queued)]);
    const before = performance.now();
    expect(await client.cancel(queued, "not needed")).toBe(true);
    expect(await client.cancel(id, "changed my mind")).toBe(true);
    for (const end of await ends) expect(end).toMatchObject({ reason: expect.any(ExecutionCancelledError) });
    // Long before the lease is renewed, which would tell it too.
    expect(performance.now() - before).toBeLessThan(5_000);
    expect(await client.getStatus(id)).toMatchObject({ status: "cancelled", reason: "changed my mind", attempt: 1 });
    expect(await client.getStatus(queued)).toMatchObject({ status: "cancelled", attempt: 0 });
    expect(await client.cancel(id)).toBe(false);
  });

  test("signals of one sender arrive in order and once, also those sent before it runs", async () => {
    const orchestrator = async (count: number, { signals }: ExecutionScope) => {
      const seen: number[] = [];
      for await (const signal of signals()) {
        seen.push((signal as unknown as { n: number }).n);
        if (seen.length === count) break;
      }
      return seen;
    };
    const client = world().client({ orchestrator });
    const id = await client.start(60);
    const send = (n: number) => client.send(id, { type: "count", n });
    for (let n = 0; n < 20; n++) expect(await send(n)).toEqual({ accepted: true });
    world().worker({ orchestrator });
    for (let n = 20; n < 40; n++) await send(n);
    await Promise.all(Array.from({ length: 20 }, (_, index) => send(40 + index)));
    expect(await client.waitFor(id)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(await send(60)).toMatchObject({ accepted: false, reason: "final" });
  });

  test("a failed attempt is repeated by whoever has a slot, from what it saved", async () => {
    const orchestrator = async (_: null, { attempt, restored, checkpoint }: ExecutionScope) => {
      await checkpoint([...((restored as number[] | undefined) ?? []), attempt]);
      if (attempt < 3) throw new Error("not yet");
      return restored;
    };
    const retry = { maxAttempts: 3, backoff: { type: "exponential", delayMs: 20, jitter: 0 } } as const;
    const client = world().client({ orchestrator, retry });
    for (let count = 0; count < 2; count++) world().worker({ orchestrator, retry });
    const ids = await client.startMany(Array.from({ length: 10 }, () => ({ input: null })));
    expect(await Promise.all(ids.map((id) => client.waitFor(id)))).toEqual(ids.map(() => [1, 2]));
    for (const { attempt, takeovers } of (await client.list()).items) expect([attempt, takeovers]).toEqual([3, 0]);
    const hopeless = await client.start(null, { retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 5 } } });
    await expect(client.waitFor(hopeless)).rejects.toThrow(ExecutionFailedError);
    expect(await client.getStatus(hopeless)).toMatchObject({ status: "failed", attempt: 2 });
  });

  test("one idempotency key is one execution, whoever starts it and when", async () => {
    const orchestrator = async ({ order }: { order: number }) => order;
    const clients = [1, 2, 3].map(() => world().client({ orchestrator }));
    world().worker({ orchestrator });
    const starts = clients.flatMap((client) => [1, 2].map(() => client.start({ order: 7 }, { idempotencyKey: "order-7" })));
    const [id, ...others] = await Promise.all(starts);
    expect(new Set(others)).toEqual(new Set([id]));
    expect(await clients[0]?.waitFor(id as string)).toBe(7);
    expect(await clients[1]?.start({ order: 7 }, { idempotencyKey: "order-7" })).toBe(id);
    await expect(clients[2]?.start({ order: 8 }, { idempotencyKey: "order-7" })).rejects.toThrow(IdempotencyConflictError);
    expect(await clients[0]?.counts()).toMatchObject({ completed: 1, total: 1 });
  });

  test("no more of a group run in all workers together than its limit, and the others go on", async () => {
    const now = new Map<string, number>();
    const most = new Map<string, number>();
    const orchestrator = async (group: string) => {
      now.set(group, (now.get(group) ?? 0) + 1);
      most.set(group, Math.max(most.get(group) ?? 0, now.get(group) ?? 0));
      await new Promise((resolve) => setTimeout(resolve, 10));
      now.set(group, (now.get(group) ?? 0) - 1);
    };
    const options = { orchestrator, maxConcurrent: 10, maxConcurrentPerGroup: (group: string) => (group === "small" ? 1 : 3) };
    const client = world().client(options);
    for (let count = 0; count < 3; count++) world().worker(options);
    const entries = Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? "small" : "large")).map((group) => ({
      input: group,
      options: { group },
    }));
    const ids = await client.startMany(entries);
    await Promise.all(ids.map((id) => client.waitFor(id)));
    expect(most).toEqual(
      new Map([
        ["small", 1],
        ["large", 3],
      ]),
    );
  });

  test("a higher priority goes first, a delayed start later, and a full queue refuses", async () => {
    const order: string[] = [];
    const orchestrator = async (what: string) => void order.push(what);
    const client = world().client({ orchestrator, maxQueued: 4 });
    const ids = await client.startMany([
      { input: "delayed", options: { delayMs: 300, priority: 9 } },
      { input: "low" },
      { input: "high", options: { priority: 5 } },
      { input: "also low" },
    ]);
    await expect(client.start("too many")).rejects.toThrow("4");
    world().worker({ orchestrator, maxConcurrent: 1 });
    await Promise.all(ids.map((id) => client.waitFor(id)));
    // On a slow machine the delay may be over before the others are: then its priority counts.
    expect(order.filter((what) => what !== "delayed")).toEqual(["high", "low", "also low"]);
    expect(order).toContain("delayed");
    const { startedAt = 0, queuedAt = 0 } = (await client.getStatus(ids[0] as string)) ?? {};
    expect(startedAt - queuedAt).toBeGreaterThanOrEqual(300);
  });

  test("what ended is listed page by page until it is cleaned up", async () => {
    const client = world().client({ orchestrator: async (n: number) => n });
    world().worker({ orchestrator: async (n: number) => n });
    const ids = await client.startMany(
      Array.from({ length: 25 }, (_, n) => ({ input: n, options: { tags: [n % 2 === 0 ? "even" : "odd"] } })),
    );
    await Promise.all(ids.map((id) => client.waitFor(id)));
    const listed: string[] = [];
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = await client.list({ tag: "even", limit: 5, ...(cursor !== undefined && { cursor }) });
      listed.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect(listed).toEqual(ids.filter((_, n) => n % 2 === 0));
    await expect.poll(() => client.cleanup({ olderThanMs: 0 })).toBeGreaterThan(0);
    await expect.poll(async () => client.cleanup({ olderThanMs: 0 }).then(() => client.counts())).toMatchObject({ total: 0 });
    await expect(client.waitFor(ids[0] as string)).rejects.toThrow(ExecutionNotFoundError);
  });
});
