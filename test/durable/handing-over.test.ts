import { expect, test } from "vitest";
import { assign, setup } from "xstate";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { describeDurable } from "./durable-world.ts";

/** Runs until it is told to end, one checkpoint after the other. */
const steady = async (_: null, { restored, checkpoint, signal, attempt }: ExecutionScope) => {
  for (let step = Number(restored ?? 0) + 1; ; step++) {
    await checkpoint(step);
    if (gate.open) return { step, attempt };
    await new Promise((resolve) => setTimeout(resolve, 5));
    signal.throwIfAborted();
  }
};
const gate = { open: false };

/** An approval that is waited for, first for a while, then for good. */
const approval = setup({
  types: {
    context: {} as { by?: string; notes: number },
    events: {} as { type: "approved"; by: string } | { type: "note" },
    output: {} as string,
  },
}).createMachine({
  id: "approval",
  context: { notes: 0 },
  initial: "cooling",
  states: {
    cooling: { tags: "waiting", after: { 1500: "waiting" } },
    waiting: {
      tags: "waiting",
      on: {
        approved: { target: "done", actions: assign({ by: ({ event }) => event.by }) },
        note: { actions: assign({ notes: ({ context }) => context.notes + 1 }) },
      },
    },
    done: { type: "final" },
  },
  output: ({ context }) => `${context.by} after ${context.notes} notes`,
});

describeDurable("handing over", (world) => {
  const parkedIn = async (
    client: { getStatus(id: string): Promise<{ progress?: unknown; state: string } | undefined> },
    id: string,
    state: string,
  ) => expect.poll(async () => client.getStatus(id), { timeout: 30_000 }).toMatchObject({ state: "running.waiting", progress: state });

  test("a parked machine wakes by its timer and by signals, each time in a worker that never saw it", async () => {
    const client = world().client({ orchestrator: approval });
    const first = world().worker({ orchestrator: approval });
    const id = await client.start({});
    await parkedIn(client, id, "cooling");
    expect(await first.close()).toEqual({ drained: 0, cancelled: 0, released: 0, abandoned: 0 });
    const second = world().worker({ orchestrator: approval });
    await parkedIn(client, id, "waiting");
    await second.close();
    const third = world().worker({ orchestrator: approval });
    expect(await client.send(id, { type: "note" })).toEqual({ accepted: true });
    await client.send(id, { type: "note" });
    await client.send(id, { type: "approved", by: "Ada" });
    expect(await client.waitFor(id)).toBe("Ada after 2 notes");
    expect(await client.getStatus(id)).toMatchObject({ attempt: 1, takeovers: 0 });
    await expect.poll(() => third.stats.getSnapshot().context).toMatchObject({ completed: 1, slotsTaken: 0 });
  });

  test("a parked machine holds no slot, and a cancel ends it though no worker has it", async () => {
    const client = world().client({ orchestrator: approval });
    world().worker({ orchestrator: approval, maxConcurrent: 1 });
    const ids = await client.startMany([{ input: {} }, { input: {} }, { input: {} }]);
    for (const id of ids) await parkedIn(client, id, "cooling");
    for (const id of ids) expect(await client.cancel(id, "no")).toBe(true);
    expect(await client.counts()).toMatchObject({ cancelled: 3, running: 0 });
  });

  test("close gives back at the next safe point, and another worker goes on in the same attempt", async () => {
    gate.open = false;
    const client = world().client({ orchestrator: steady });
    const first = world().worker({ orchestrator: steady });
    const id = await client.start(null);
    await expect.poll(async () => (await client.getStatus(id))?.status).toBe("running");
    expect(await first.close()).toEqual({ drained: 0, cancelled: 0, released: 1, abandoned: 0 });
    expect(await client.getStatus(id)).toMatchObject({ status: "queued", attempt: 1, takeovers: 0 });
    gate.open = true;
    world().worker({ orchestrator: steady });
    expect(await client.waitFor(id)).toMatchObject({ attempt: 1 });
  });

  test("close lets finish what can, and gives the rest back at its deadline", async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const orchestrator = async (what: string, { signal }: ExecutionScope) => {
      if (what === "quick") return held;
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    };
    const client = world().client({ orchestrator });
    const worker = world().worker({ orchestrator });
    const [quick, slow] = await client.startMany([{ input: "quick" }, { input: "slow" }]);
    await expect.poll(() => worker.stats.getSnapshot().context.running).toBe(2);
    const closed = worker.close({ mode: "drain", deadlineMs: 300 });
    letGo();
    expect(await closed).toEqual({ drained: 1, cancelled: 0, released: 1, abandoned: 0 });
    expect(await client.getStatus(quick as string)).toMatchObject({ status: "completed" });
    expect(await client.getStatus(slow as string)).toMatchObject({ status: "queued", takeovers: 0 });
  });

  test("drain resolves when nothing is left that this worker could run", async () => {
    const orchestrator = async (n: number) => n;
    const both = world().coordinator({ orchestrator, maxConcurrent: 3 });
    const ids = await both.startMany(Array.from({ length: 40 }, (_, n) => ({ input: n })));
    await both.drain();
    expect(await both.counts()).toMatchObject({ completed: ids.length, queued: 0, running: 0 });
  });

  test("notices alone carry starts, ends, signals and cancels between processes, long before anybody polls", async () => {
    const orchestrator = async (_: null, { signals, signal }: ExecutionScope) => {
      for await (const event of signals()) return event.type;
      throw signal.reason;
    };
    const pollMs = 60_000;
    const client = world().client({ orchestrator, pollMs });
    world().worker({ orchestrator, pollMs });
    // Its first claims, which need no notice, are over when this has ended.
    const warm = await client.start(null);
    await client.send(warm, { type: "hello" });
    await client.waitFor(warm);
    const [told, cancelled] = await client.startMany([{ input: null }, { input: null }]);
    const ends = Promise.allSettled([client.waitFor(told as string), client.waitFor(cancelled as string)]);
    const before = performance.now();
    await expect.poll(async () => (await client.counts()).running, { timeout: 30_000, interval: 10 }).toBe(2);
    await client.send(told as string, { type: "hello" });
    await client.cancel(cancelled as string);
    expect(await ends).toMatchObject([{ value: "hello" }, { reason: { code: "EXECUTION_CANCELLED" } }]);
    expect(performance.now() - before).toBeLessThan(pollMs / 3);
  });
});
