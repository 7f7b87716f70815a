import { afterEach, beforeEach, expect, test } from "vitest";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { CheckpointTooLargeError } from "../../../src/model/checkpoint-errors.ts";
import { createWorld } from "./durable-world.ts";

let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
});

const rest = (ms: number) => new Promise<void>((resolve) => world.clock.setTimeout(resolve, ms));

/** Counts to `to`, one a second, saving after each. */
const counting =
  (seen: string[], who: string) =>
  async (to: number, { checkpoint, restored }: ExecutionScope) => {
    for (let done = (restored as number | undefined) ?? 0; done < to; done++) {
      seen.push(`${who} ${done + 1}`);
      await rest(1_000);
      await checkpoint(done + 1);
    }
    return to;
  };

test("another worker goes on from what a crashed one had saved", async () => {
  const seen: string[] = [];
  const store = world.store();
  const client = world.process({ orchestrator: counting(seen, "-"), role: "client" });
  world.process({ orchestrator: counting(seen, "a"), role: "worker", leaseMs: 3_000, store });
  const id = await client.start(5);
  const result = client.waitFor(id);
  await world.clock.advance(2_500);
  store.faults.set("*", "hangs");
  world.process({ orchestrator: counting(seen, "b"), role: "worker", leaseMs: 3_000 });
  await world.clock.advance(20_000);
  expect(await result).toBe(5);
  expect(seen).toEqual(["a 1", "a 2", "a 3", "b 3", "b 4", "b 5"]);
  expect(await client.getStatus(id)).toMatchObject({ attempt: 2, takeovers: 1 });
  store.faults.clear();
});

test("asked to give it back, a function yields at its next checkpoint, and nothing is done twice", async () => {
  const seen: string[] = [];
  const first = world.process({ orchestrator: counting(seen, "a") });
  const id = await first.start(3);
  await world.clock.advance(500);
  const closed = first.close();
  await world.clock.advance(600);
  expect(await closed).toMatchObject({ released: 1, drained: 0 });
  const second = world.process({ orchestrator: counting(seen, "b") });
  const result = second.waitFor(id);
  await world.clock.advance(3_000);
  expect(await result).toBe(3);
  expect(seen).toEqual(["a 1", "b 2", "b 3"]);
  expect(await second.getStatus(id)).toMatchObject({ attempt: 1, takeovers: 0 });
});

test("a second attempt gets what the first one saved, in memory and in a store", async () => {
  const both = world.process({
    orchestrator: async (_: null, { attempt, checkpoint, restored }: ExecutionScope) => {
      if (attempt === 2) return restored;
      await checkpoint({ step: 1 });
      throw new Error("once");
    },
    retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 0 } },
  });
  const id = await both.start(null);
  await world.clock.advance(1_000);
  expect(await both.getStatus(id)).toMatchObject({ result: { step: 1 } });
});

test("a checkpoint that is too large is refused with a typed error", async () => {
  const errors: unknown[] = [];
  const both = world.process({
    orchestrator: async (_: null, { checkpoint }: ExecutionScope) => checkpoint("x".repeat(200)).catch((error) => void errors.push(error)),
    maxCheckpointBytes: 150,
  });
  await both.start(null);
  await world.clock.advance(10);
  expect(errors[0]).toBeInstanceOf(CheckpointTooLargeError);
});

test("progress is saved within pollMs, and seen by other processes", async () => {
  const client = world.process({ orchestrator: async () => {}, role: "client" });
  world.process({
    orchestrator: async (_: undefined, { progress }: ExecutionScope) => {
      for (let step = 1; step <= 10; step++) {
        progress({ step });
        await rest(100);
      }
    },
    role: "worker",
  });
  const id = await client.start(undefined as never);
  await world.clock.advance(550);
  expect(await client.getStatus(id)).toMatchObject({ status: "running", progress: { step: 5 } });
  await world.clock.advance(1_000);
  expect(await client.getStatus(id)).toMatchObject({ status: "completed", progress: { step: 10 } });
});

test("signals from another process come in order, also those sent before it began", async () => {
  const client = world.process({ orchestrator: async () => {}, role: "client" });
  const id = await client.start(undefined as never);
  expect(await client.send(id, { type: "a" })).toEqual({ accepted: true });
  await client.send(id, { type: "b" });
  const got: string[] = [];
  world.process({
    orchestrator: async (_: undefined, { signals }: ExecutionScope) => {
      for await (const { type } of signals()) {
        got.push(type);
        if (type === "end") return;
      }
    },
    role: "worker",
  });
  await world.clock.advance(10);
  expect(got).toEqual(["a", "b"]);
  await Promise.all(["c", "d", "end"].map((type) => client.send(id, { type })));
  await world.clock.settle();
  expect(got).toEqual(["a", "b", "c", "d", "end"]);
  expect(await client.getStatus(id)).toMatchObject({ status: "completed" });
  expect(await client.send(id, { type: "f" })).toEqual({ accepted: false, reason: "final", accepts: [] });
  expect(await client.send("unknown", { type: "f" })).toMatchObject({ accepted: false, reason: "unknown" });
});

test("signals that are part of a checkpoint are not given again; those read after it are", async () => {
  const store = world.store();
  const client = world.process({ orchestrator: async () => {}, role: "client" });
  const reader =
    (got: string[]) =>
    async (_: undefined, { signals, checkpoint }: ExecutionScope) => {
      for await (const { type } of signals()) {
        got.push(type);
        if (type === "save") await checkpoint(got.length);
        if (type === "end") return;
      }
    };
  const first: string[] = [];
  const second: string[] = [];
  world.process({ orchestrator: reader(first), role: "worker", leaseMs: 3_000, store });
  const id = await client.start(undefined as never);
  for (const type of ["a", "save", "b"]) await client.send(id, { type });
  await world.clock.advance(100);
  store.faults.set("*", "hangs");
  world.process({ orchestrator: reader(second), role: "worker", leaseMs: 3_000 });
  await client.send(id, { type: "end" });
  await world.clock.advance(10_000);
  expect(first).toEqual(["a", "save", "b"]);
  expect(second).toEqual(["b", "end"]);
  store.faults.clear();
});
