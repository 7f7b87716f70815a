import { HttpRequest, InvocationContext } from "@azure/functions";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryQueue, createMemoryStore, MemoryQueueData } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import {
  createAcceptHandler,
  createProcessHandler,
  createStatusHandler,
  type ProcessMessage,
  type ProcessScope,
  toAzureHttpFunction,
  toAzureQueueFunction,
  toAzureServiceBusFunction,
} from "../../../src/serverless/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

const name = "functions";

let clock: VirtualClock;
let store: ExecutionStore;
let messages: MemoryQueueData;
let queue: ReturnType<typeof createMemoryQueue>;

beforeEach(() => {
  clock = new VirtualClock({ now: 1_000_000 });
  store = createMemoryStore({ clock });
  messages = new MemoryQueueData();
  queue = createMemoryQueue({ clock, data: messages });
});
afterEach(async () => {
  await queue.close();
  await store.close();
});

const context = (triggerMetadata: Record<string, unknown> = {}) => new InvocationContext({ functionName: "process", triggerMetadata });
const request = (method: string, path: string, body?: string) =>
  new HttpRequest({
    method,
    url: `https://fleet.azurewebsites.net/api/${path}`,
    headers: { "content-type": "application/json" },
    ...(body !== undefined && { body: { string: body } }),
  });
const posted = () => messages.waiting.get(name)?.map(({ raw }) => raw) ?? [];
const client = (orchestrator: (input: never, scope: ExecutionScope) => Promise<unknown>) =>
  createDurableCoordinator({ name, store, queue, clock, role: "client", orchestrator });

test("requests pass with their bodies and headers, answers with their status and address", async () => {
  const coordinator = client(async () => {});
  const accept = toAzureHttpFunction(createAcceptHandler({ coordinator }));
  const status = toAzureHttpFunction(createStatusHandler({ coordinator }));
  const accepted = await accept(request("POST", "reports", JSON.stringify("x".repeat(1_048_576))));
  const { id, statusUrl } = JSON.parse(accepted.body ?? "") as { id: string; statusUrl: string };
  expect([accepted.status, accepted.headers.location, statusUrl]).toEqual([
    202,
    statusUrl,
    `https://fleet.azurewebsites.net/api/reports/${id}`,
  ]);
  expect(posted().map((raw) => raw.length < 1_024)).toEqual([true]);
  const told = await status(request("GET", `reports/${id}`));
  expect([told.status, JSON.parse(told.body ?? "")]).toEqual([200, expect.objectContaining({ id, status: "queued" })]);
  expect((await status(request("HEAD", `reports/${id}`))).body).toBeUndefined();
  expect((await status(request("GET", "reports/nobody"))).status).toBe(404);
  expect((await accept(request("POST", "reports", "{"))).status).toBe(400);
  await coordinator.close();
});

test("the same message twice runs once, whether the host has made an object of it or not", async () => {
  let runs = 0;
  const orchestrator = async () => void runs++;
  const coordinator = client(orchestrator);
  const executionId = await coordinator.start(undefined as never);
  const process = toAzureQueueFunction(createProcessHandler({ name, store, queue, clock, orchestrator }), { clock });
  await process({ name, executionId }, context({ id: "m", dequeueCount: 1 }));
  await process(JSON.stringify({ name, executionId }), context({ id: "m", dequeueCount: 2 }));
  expect(runs).toBe(1);
  await coordinator.close();
});

test("what is to be delivered again fails the call", async () => {
  const process = toAzureQueueFunction(createProcessHandler({ name, store, queue, clock, orchestrator: async () => {} }), { clock });
  const call = process({ name, executionId: "nobody" }, context({ id: "m7" }));
  await expect(call).rejects.toMatchObject({ code: "REDELIVERY_WANTED", messageIds: ["m7"] });
});

test("a call ends before the platform ends it, and the next one goes on", async () => {
  const steps: number[] = [];
  const orchestrator = async (_: null, { restored, checkpoint }: ExecutionScope) => {
    for (let step = Number(restored ?? 0) + 1; step <= 5; step++) {
      steps.push(step);
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 300));
      await checkpoint(step);
    }
  };
  const coordinator = client(orchestrator);
  const executionId = await coordinator.start(null as never);
  const handle = createProcessHandler({ name, store, queue, clock, orchestrator });
  const process = toAzureQueueFunction(handle, { clock, functionTimeoutMs: 1_000 });
  let calls = 0;
  while ((await store.counts({ name })).completed === 0) {
    calls += 1;
    let isOver = false;
    const call = process({ name, executionId }, context()).finally(() => {
      isOver = true;
    });
    const startedAt = clock.now();
    await clock.settle();
    while (!isOver && (await clock.runNext()));
    await call;
    expect(clock.now() - startedAt).toBeLessThanOrEqual(1_000);
  }
  expect([calls > 1, steps]).toEqual([true, [1, 2, 3, 4, 5]]);
  await coordinator.close();
});

test("messages of Service Bus come alone or together, with their counts", async () => {
  const got: (readonly ProcessMessage[])[] = [];
  const budgets: number[] = [];
  const handle = async (batch: readonly ProcessMessage[], { remainingMs }: ProcessScope) => {
    got.push(batch);
    budgets.push(remainingMs());
    return { failed: [], putAside: [] };
  };
  const process = toAzureServiceBusFunction(handle, { clock });
  await process({ name, executionId: "a" }, context({ messageId: "one", deliveryCount: 2 }));
  await process([{ name, executionId: "b" }, "???"], context({ messageIdArray: ["two", "three"], deliveryCountArray: [1, 4] }));
  await process(["no", "batch"], context({ messageId: "four", deliveryCount: 1 }));
  await process(new TextEncoder().encode("bytes"), context());
  expect(got).toEqual([
    [{ id: "one", body: JSON.stringify({ name, executionId: "a" }), deliveryCount: 2 }],
    [
      { id: "two", body: JSON.stringify({ name, executionId: "b" }), deliveryCount: 1 },
      { id: "three", body: "???", deliveryCount: 4 },
    ],
    [{ id: "four", body: '["no","batch"]', deliveryCount: 1 }],
    [{ id: "message", body: "bytes" }],
  ]);
  expect(budgets).toEqual([300_000, 300_000, 300_000, 300_000]);
});

test("wrong options are refused", () => {
  const handle = createProcessHandler({ name, store, queue, clock, orchestrator: async () => {} });
  expect(() => toAzureQueueFunction(handle, { functionTimeoutMs: 0 })).toThrow("functionTimeoutMs");
  expect(() => toAzureServiceBusFunction(handle, { timeoutMs: 5 } as never)).toThrow("timeoutMs");
});
