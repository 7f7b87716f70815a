import { afterEach, expect, test } from "vitest";
import { assign, fromPromise, setup } from "xstate";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { createWorld, type FaultyStore } from "./durable-world.ts";

const runs = Number(process.env.DURABLE_RUNS ?? 15);
const seeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31));
const leaseMs = 3_000;

let world: ReturnType<typeof createWorld>;

afterEach(async () => {
  await world.closeAll();
});

/** Collects notes while it waits, works for a while after each third one, and ends with all of them. */
const collector = setup({
  types: {
    context: {} as { notes: number[]; worked: number },
    events: {} as { type: "note"; n: number } | { type: "end" },
    output: {} as { notes: number[] },
  },
  actors: { work: fromPromise(() => new Promise<void>((resolve) => world.clock.setTimeout(resolve, 700))) },
  actions: { keep: assign({ notes: ({ context, event }) => (event.type === "note" ? [...context.notes, event.n] : context.notes) }) },
  guards: { isThird: ({ context }) => context.notes.length % 3 === 2 },
}).createMachine({
  id: "collector",
  context: { notes: [], worked: 0 },
  initial: "waiting",
  on: { note: { actions: "keep" }, end: ".end" },
  states: {
    waiting: {
      tags: "waiting",
      on: { note: [{ guard: "isThird", target: "working", actions: "keep" }, { actions: "keep" }] },
    },
    working: { invoke: { src: "work", onDone: { target: "resting", actions: assign({ worked: ({ context }) => context.worked + 1 }) } } },
    resting: { after: { 300: "waiting" } },
    end: { type: "final" },
  },
  output: ({ context }) => ({ notes: context.notes }),
});

test.each(seeds)("each signal is taken once and in order, whatever fails (seed %i)", async (seed) => {
  const random = seededRandom(seed);
  const chance = (share: number) => random() < share;
  world = createWorld();
  const { clock } = world;
  const stores: FaultyStore[] = [];
  const begin = () => {
    const store = world.store();
    stores.push(store);
    world.process({
      orchestrator: collector,
      store,
      role: "worker",
      leaseMs,
      maxConcurrent: 3,
      maxTakeovers: 100,
      cancelGraceMs: 1_000,
      random,
    });
  };
  const client = world.process({ orchestrator: collector, role: "client", maxTakeovers: 100 });
  begin();
  begin();
  const ids = await client.startMany(Array.from({ length: 8 }, () => ({ input: undefined })));
  const sent = new Map<string, number>(ids.map((id) => [id, 0]));
  const cancelled = new Set<string>();
  const methods = ["claim", "renew", "settle", "checkpoint", "park", "readSignals", "*"] as const;
  for (let round = 0; round < 40; round++) {
    for (const store of stores) {
      store.faults.clear();
      if (chance(0.4)) {
        const method = methods[Math.floor(random() * methods.length)] as (typeof methods)[number];
        store.faults.set(method, (["before", "after", "hangs"] as const)[Math.floor(random() * 3)]);
      }
    }
    if (chance(0.05)) {
      stores.shift()?.faults.set("*", "hangs");
      begin();
    }
    for (const id of ids) {
      if (cancelled.has(id) || !chance(0.3)) continue;
      const n = (sent.get(id) ?? 0) + 1;
      sent.set(id, n);
      expect(await client.send(id, { type: "note", n })).toEqual({ accepted: true });
      if (chance(0.01) && (await client.cancel(id))) cancelled.add(id);
    }
    await clock.advance(Math.floor(random() * 1_500));
  }
  for (const store of stores) store.faults.clear();
  await clock.advance(20_000);
  for (const id of ids) if (!cancelled.has(id)) await client.send(id, { type: "end" });
  await clock.advance(20_000);
  for (const id of ids) {
    const info = await client.getStatus(id);
    if (cancelled.has(id)) expect(info).toMatchObject({ status: "cancelled" });
    else expect(info).toMatchObject({ status: "completed", result: { notes: Array.from({ length: sent.get(id) ?? 0 }, (_, n) => n + 1) } });
  }
});
