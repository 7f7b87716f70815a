import { afterEach, expect, test } from "vitest";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { seededRandom } from "../../../src/testing/seeded-random.ts";
import { createWorld, type FaultyStore } from "./durable-world.ts";

const workersAtOnce = 3;
const executions = 30;
const leaseMs = 3_000;
const runs = Number(process.env.DURABLE_RUNS ?? 25);
const seeds = Array.from({ length: runs }, () => Math.floor(Math.random() * 2 ** 31));

let world: ReturnType<typeof createWorld>;

afterEach(async () => {
  await world.closeAll();
});

test.each(seeds)("nothing is lost and nothing is run by two who may write, whatever fails (seed %i)", async (seed) => {
  const random = seededRandom(seed);
  const chance = (share: number) => random() < share;
  world = createWorld();
  const { clock } = world;
  const rest = (ms: number) => new Promise<void>((resolve) => clock.setTimeout(resolve, ms));
  const writers = new Map<number, { fence: number; saved: number }>();
  const steps = new Map<number, number[]>();
  const fails = new Set<number>();

  /** Three steps, saved after each; some fail once. */
  const orchestrator = async (n: number, { restored, checkpoint, attempt }: ExecutionScope) => {
    for (let step = (restored as number | undefined) ?? 0; step < 3; step++) {
      await rest(200 + (n % 7) * 100);
      if (n % 5 === 0 && !fails.has(n)) {
        fails.add(n);
        throw new Error("once");
      }
      await checkpoint(step + 1);
      steps.set(n, [...(steps.get(n) ?? []), step]);
      const last = writers.get(n);
      // A checkpoint that was accepted later is never of an earlier attempt.
      if (last !== undefined) expect(attempt).toBeGreaterThanOrEqual(last.fence);
      writers.set(n, { fence: attempt, saved: step + 1 });
    }
    return n * 10;
  };
  const stores: FaultyStore[] = [];
  const begin = () => {
    const store = world.store();
    stores.push(store);
    world.process({
      orchestrator,
      store,
      role: "worker",
      leaseMs,
      maxConcurrent: 4,
      maxTakeovers: 100,
      cancelGraceMs: 1_000,
      random,
      retry: { maxAttempts: 3 },
    });
  };
  const client = world.process({ orchestrator, role: "client", retry: { maxAttempts: 3 }, maxTakeovers: 100 });
  for (let count = 0; count < workersAtOnce; count++) begin();
  const ids = await client.startMany(Array.from({ length: executions }, (_, n) => ({ input: n })));

  const methods = ["claim", "renew", "settle", "checkpoint", "sweep", "*"] as const;
  for (let round = 0; round < 40; round++) {
    for (const store of stores) {
      store.faults.clear();
      if (chance(0.4)) {
        const method = methods[Math.floor(random() * methods.length)] as (typeof methods)[number];
        store.faults.set(method, (["before", "after", "hangs"] as const)[Math.floor(random() * 3)]);
      }
    }
    // A process that dies: it never gets an answer again.
    if (chance(0.05)) {
      stores.shift()?.faults.set("*", "hangs");
      begin();
    }
    await clock.advance(Math.floor(random() * 1_500));
  }
  for (const store of stores) store.faults.clear();
  await clock.advance(60_000);

  const { items } = await client.list({ limit: 1_000 });
  expect(items.map(({ id }) => id).sort()).toEqual([...ids].sort());
  for (const { id, status, result } of items)
    expect({ id, status, result }).toEqual({ id, status: "completed", result: ids.indexOf(id) * 10 });
  expect(await client.counts()).toMatchObject({ completed: executions, running: 0, queued: 0 });
});
