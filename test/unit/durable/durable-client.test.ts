import { afterEach, beforeEach, expect, test } from "vitest";
import {
  CapacityExceededError,
  DuplicateExecutionError,
  ExecutionCancelledError,
  ExecutionNotFoundError,
  IdempotencyConflictError,
  InvalidOptionsError,
  SerializationError,
} from "../../../src/model/errors.ts";
import { createWorld } from "./durable-world.ts";

const echo = async (input: { city: string }) => input.city;
let world: ReturnType<typeof createWorld>;

beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await world.closeAll();
  expect(world.errors).toEqual([]);
});

test("a started execution is in the store when start returns, and another process sees it", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  const other = world.process({ orchestrator: echo, role: "client" });
  const id = await client.start({ city: "Lisbon" }, { group: "eu", tags: ["a"], priority: 3 });
  expect(await other.getStatus(id)).toMatchObject({
    id,
    status: "queued",
    state: "queued.ready",
    group: "eu",
    tags: ["a"],
    priority: 3,
    attempt: 0,
  });
  expect(await other.counts()).toMatchObject({ queued: 1, total: 1 });
  expect((await other.list()).items.map((info) => info.id)).toEqual([id]);
});

test("starts of one tick are one write", async () => {
  const store = world.store();
  const client = world.process({ orchestrator: echo, role: "client", store });
  await Promise.all(["a", "b", "c"].map((city) => client.start({ city })));
  expect(store.calls.filter((call) => call === "insert")).toHaveLength(1);
});

test("a taken id is refused", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  await client.start({ city: "a" }, { id: "one" });
  await expect(client.start({ city: "b" }, { id: "one" })).rejects.toThrow(DuplicateExecutionError);
});

test("the same idempotency key gives the same execution, and refuses another input", async () => {
  const client = world.process({ orchestrator: async (_: { a: number; b: number }) => {}, role: "client" });
  const id = await client.start({ a: 1, b: 2 }, { idempotencyKey: "key" });
  expect(await client.start({ b: 2, a: 1 }, { idempotencyKey: "key" })).toBe(id);
  await expect(client.start({ a: 1, b: 3 }, { idempotencyKey: "key" })).rejects.toThrow(IdempotencyConflictError);
});

test("startMany accepts all or none", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  await client.start({ city: "a" }, { id: "taken", idempotencyKey: "key" });
  const entries = [{ input: { city: "b" } }, { input: { city: "c" }, options: { id: "taken" } }];
  await expect(client.startMany(entries)).rejects.toThrow(DuplicateExecutionError);
  expect(await client.counts()).toMatchObject({ total: 1 });
  const ids = await client.startMany([{ input: { city: "b" } }, { input: { city: "a" }, options: { idempotencyKey: "key" } }]);
  expect(ids[1]).toBe("taken");
  expect(await client.counts()).toMatchObject({ total: 2 });
});

test("over maxQueued a start is refused and leaves no record", async () => {
  const client = world.process({ orchestrator: echo, role: "client", maxQueued: 1 });
  await client.start({ city: "a" });
  await expect(client.start({ city: "b" })).rejects.toThrow(CapacityExceededError);
  expect(await client.counts()).toMatchObject({ total: 1 });
});

test("an input that is no JSON is refused", async () => {
  const client = world.process({ orchestrator: async (_: bigint) => {}, role: "client" });
  await expect(client.start(1n)).rejects.toThrow(SerializationError);
});

test("a lost answer of a start makes no second execution", async () => {
  const store = world.store();
  const client = world.process({ orchestrator: echo, role: "client", store });
  store.faults.set("insert", "after");
  const started = client.start({ city: "a" });
  await world.clock.advance(30);
  store.faults.clear();
  await world.clock.advance(2_000);
  await started;
  expect(await client.counts()).toMatchObject({ total: 1 });
});

test("cancel of what is queued ends it at once, for those who wait in other processes, too", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  const other = world.process({ orchestrator: echo, role: "client" });
  const id = await client.start({ city: "a" });
  const end = other.waitFor(id);
  end.catch(() => {});
  await world.clock.settle();
  expect(await client.cancel(id, "changed my mind")).toBe(true);
  await expect(end).rejects.toThrow(ExecutionCancelledError);
  expect(await client.getStatus(id)).toMatchObject({ status: "cancelled", reason: "changed my mind" });
  expect(await client.cancel(id)).toBe(false);
  expect(await client.cancel("unknown")).toBe(false);
});

test("waitFor of an unknown id rejects", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  await expect(client.waitFor("nobody")).rejects.toThrow(ExecutionNotFoundError);
});

test("cleanup removes what ended long enough ago", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  const id = await client.start({ city: "a" });
  await client.cancel(id);
  await world.clock.advance(1_000);
  expect(await client.cleanup({ olderThanMs: 1_000 })).toBe(0);
  expect(await client.cleanup({ olderThanMs: 999 })).toBe(1);
  expect(await client.getStatus(id)).toBeUndefined();
});

test("an option that is wrong is named", () => {
  expect(() => world.process({ orchestrator: echo, leaseMs: 0 })).toThrow(InvalidOptionsError);
  expect(() => world.process({ orchestrator: echo, maxConcurrent: 0 })).toThrow("maxConcurrent");
});

test("start options that are no object are refused and leave no trace", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  for (const options of [null, 5, "high", []]) {
    const start = client.start({ city: "a" }, options as never);
    await expect(start).rejects.toThrow(InvalidOptionsError);
    await expect(start).rejects.toThrow("options: expected an object");
  }
  expect((await client.counts()).total).toBe(0);
});

test("an id that is none is refused, and takes nothing with it that is asked in the same tick", async () => {
  const client = world.process({ orchestrator: echo, role: "client" });
  const [first, second] = (await client.startMany([{ input: { city: "a" } }, { input: { city: "b" } }])) as [string, string];
  const refused = { status: "rejected", reason: expect.objectContaining({ name: "InvalidOptionsError", field: "id" }) };
  for (const wrong of [undefined, null, 5, {}, ""] as never[]) {
    expect(await Promise.allSettled([client.getStatus(first), client.getStatus(wrong), client.getOrchestratorState(wrong)])).toEqual([
      { status: "fulfilled", value: expect.objectContaining({ id: first }) },
      ...[refused, refused],
    ]);
    expect(await Promise.allSettled([client.send(first, { type: "go" }), client.send(wrong, { type: "go" })])).toEqual([
      { status: "fulfilled", value: { accepted: true } },
      refused,
    ]);
  }
  expect(await Promise.allSettled([client.cancel(first), client.cancel(undefined as never), client.cancel(second)])).toEqual([
    { status: "fulfilled", value: true },
    refused,
    { status: "fulfilled", value: true },
  ]);
});
