import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryData, createMemoryQueue, createMemoryStore, MemoryQueueData } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../../src/core/execution-scope.ts";
import { createAutonomousOrchestrator, type RunRequest, verdict } from "../../../src/index.ts";
import { StoreUnavailableError } from "../../../src/model/store-errors.ts";
import type { ExecutionStore } from "../../../src/ports/execution-store.ts";
import { createProcessHandler, createSweepHandler, type ProcessMessage } from "../../../src/serverless/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

const name = "functions";

let clock: VirtualClock;
let store: ExecutionStore;
let messages: MemoryQueueData;
let queue: ReturnType<typeof createMemoryQueue>;
let errors: unknown[];

beforeEach(() => {
  clock = new VirtualClock({ now: 1_000_000 });
  store = createMemoryStore({ clock, data: createMemoryData() });
  messages = new MemoryQueueData();
  queue = createMemoryQueue({ clock, data: messages });
  errors = [];
});
afterEach(async () => {
  await queue.close();
  await store.close();
  // A call leaves nothing behind.
  expect(clock.pending).toBe(0);
});

const sleep = (ms: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
const message = (executionId: string, id = `m-${executionId}`): ProcessMessage => ({ id, body: JSON.stringify({ name, executionId }) });

async function started(orchestrator: (input: never, scope: ExecutionScope) => Promise<unknown>, ...inputs: unknown[]) {
  const client = createDurableCoordinator({
    name,
    store,
    queue,
    clock,
    role: "client",
    orchestrator: orchestrator as () => Promise<unknown>,
  });
  const ids = await client.startMany(inputs.map((input) => ({ input: input as never })));
  await client.close();
  messages.waiting.clear();
  return ids;
}

/** One call of the function, which the platform would end after `budgetMs`. */
async function call(handle: ReturnType<typeof createProcessHandler>, batch: readonly ProcessMessage[], budgetMs = 60_000) {
  const endsAt = clock.now() + budgetMs;
  const report = handle(batch, { remainingMs: () => endsAt - clock.now() });
  let isOver = false;
  const over = () => {
    isOver = true;
  };
  report.then(over, over);
  await clock.settle();
  while (!isOver && (await clock.runNext()));
  return report;
}

const options = <Part extends object>(part: Part) => ({
  name,
  store,
  queue,
  clock,
  random: () => 0.5,
  onError: (error: unknown) => void errors.push(error),
  ...part,
});

async function statusOf(id: string) {
  const [record] = await store.get(name, [id]);
  return record;
}

test("a batch is run with its limit of concurrency, and nothing else is", async () => {
  let most = 0;
  let running = 0;
  const orchestrator = async (_: number) => {
    most = Math.max(most, ++running);
    await sleep(100);
    running -= 1;
  };
  const ids = await started(orchestrator, 1, 2, 3, 4, 5, 6);
  const handle = createProcessHandler(options({ orchestrator, maxConcurrent: 2 }));
  expect(
    await call(
      handle,
      ids.slice(0, 5).map((id) => message(id)),
    ),
  ).toEqual({ failed: [], putAside: [] });
  expect(most).toBe(2);
  expect((await store.counts({ name })).completed).toBe(5);
  expect(await statusOf(ids[5] as string)).toMatchObject({ status: "queued" });
});

test("the same message twice, in one batch or in two, runs once", async () => {
  let runs = 0;
  const orchestrator = async () => void runs++;
  const [id] = (await started(orchestrator, 1)) as [string];
  const handle = createProcessHandler(options({ orchestrator }));
  expect(await call(handle, [message(id, "one"), message(id, "two")])).toEqual({ failed: [], putAside: [] });
  expect(await call(handle, [message(id)])).toEqual({ failed: [], putAside: [] });
  expect(runs).toBe(1);
});

test("a function stops at a checkpoint, is published, and goes on from there in the next call", async () => {
  const steps: number[] = [];
  const orchestrator = async (_: null, { restored, checkpoint, remainingMs }: ExecutionScope) => {
    for (let step = Number(restored ?? 0) + 1; step <= 5; step++) {
      expect(remainingMs()).toBeLessThanOrEqual(1_000);
      steps.push(step);
      await sleep(300);
      await checkpoint(step);
    }
    return "done";
  };
  const [id] = (await started(orchestrator, null)) as [string];
  const handle = createProcessHandler(options({ orchestrator }));
  expect(await call(handle, [message(id)], 1_000)).toEqual({ failed: [], putAside: [] });
  expect(await statusOf(id)).toMatchObject({ status: "queued", attempt: 1 });
  expect(messages.waiting.get(name)?.map(({ raw }) => JSON.parse(raw).executionId)).toEqual([id]);
  for (let calls = 0; calls < 3; calls++) await call(handle, [message(id)], 1_000);
  expect(steps).toEqual([1, 2, 3, 4, 5]);
  expect(await statusOf(id)).toMatchObject({ status: "completed", attempt: 1, takeovers: 0, result: '"done"' });
});

test("an autonomous run is given back between two passes", async () => {
  const began: number[] = [];
  const orchestrator = createAutonomousOrchestrator({
    executor: async (_: RunRequest, { iteration }) => {
      began.push(iteration);
      await sleep(400);
      return { success: true, output: `iteration ${iteration}` };
    },
    oracle: async () => verdict.continueToNextIteration("more"),
    clock,
    settings: { orchestration: { maxIterations: 5, autoContinue: { enabled: true } } },
  });
  const client = createDurableCoordinator({ name, store, queue, clock, role: "client", orchestrator });
  const id = await client.start({ id: "task", prompt: "improve" });
  await client.close();
  const handle = createProcessHandler(options({ orchestrator }));
  for (let calls = 0; calls < 3; calls++) await call(handle, [message(id)], 1_000);
  expect(began).toEqual([1, 2, 3, 4, 5]);
  expect(await statusOf(id)).toMatchObject({ status: "completed", attempt: 1 });
});

test("without a queue, what is given back is left to the platform to deliver again", async () => {
  const orchestrator = async (_: null, { restored, checkpoint }: ExecutionScope) => {
    for (let step = Number(restored ?? 0) + 1; step <= 3; step++) {
      await sleep(400);
      await checkpoint(step);
    }
  };
  const [id] = (await started(orchestrator, null)) as [string];
  const { queue: _, ...own } = options({ orchestrator });
  const handle = createProcessHandler(own);
  expect(await call(handle, [message(id)], 1_000)).toEqual({ failed: [`m-${id}`], putAside: [] });
  expect(await call(handle, [message(id)], 1_000)).toEqual({ failed: [], putAside: [] });
  expect(await statusOf(id)).toMatchObject({ status: "completed" });
});

test("a step that fits into no call counts as a lost worker, and fails in the end", async () => {
  const orchestrator = () => sleep(10_000);
  const [id] = (await started(orchestrator, null)) as [string];
  const handle = createProcessHandler(options({ orchestrator, leaseMs: 3_000 }));
  for (let calls = 1; calls <= 4; calls++) {
    expect(await call(handle, [message(id)], 1_000)).toEqual({ failed: [`m-${id}`], putAside: [] });
    await clock.advance(10_000);
  }
  expect(await call(handle, [message(id)], 1_000)).toEqual({ failed: [], putAside: [] });
  expect(await statusOf(id)).toMatchObject({ status: "failed", takeovers: 4, error: expect.stringContaining("EXECUTION_LOST") });
});

test("a message that cannot be read, or is for others, is put aside; where it cannot be, it fails", async () => {
  const orchestrator = async () => {};
  const aside: string[] = [];
  const batch = [
    { id: "a", body: "???" },
    { id: "b", body: JSON.stringify({ name: "other", executionId: "x" }) },
  ];
  const handle = createProcessHandler(options({ orchestrator, putAside: async ({ id }: ProcessMessage) => void aside.push(id) }));
  expect(await call(handle, batch)).toEqual({ failed: [], putAside: ["a", "b"] });
  expect(aside).toEqual(["a", "b"]);
  const cannot = createProcessHandler(options({ orchestrator }));
  expect(await call(cannot, batch)).toEqual({ failed: ["a", "b"], putAside: [] });
  expect(errors).toHaveLength(2);
});

test("an unknown id fails, since its record may be on its way, until it was delivered too often", async () => {
  const orchestrator = async () => {};
  const aside: string[] = [];
  const handle = createProcessHandler(
    options({ orchestrator, putAside: async (_: ProcessMessage, reason: string) => void aside.push(reason) }),
  );
  expect(await call(handle, [message("nobody", "m")])).toEqual({ failed: ["m"], putAside: [] });
  expect(await call(handle, [{ ...message("nobody", "m"), deliveryCount: 40 }])).toEqual({ failed: [], putAside: ["m"] });
  expect(aside).toEqual(["no execution has this id"]);
});

test("what another call runs fails and is delivered again; what is delayed, too", async () => {
  const orchestrator = () => sleep(1_000);
  const [id] = (await started(orchestrator, null)) as [string];
  const handle = createProcessHandler(options({ orchestrator }));
  const first = handle([message(id)], { remainingMs: () => 60_000 });
  await clock.advance(10);
  expect(await call(handle, [message(id, "again")])).toEqual({ failed: ["again"], putAside: [] });
  await clock.advance(2_000);
  expect(await first).toEqual({ failed: [], putAside: [] });
  const client = createDurableCoordinator({ name, store, queue, clock, role: "client", orchestrator });
  const later = await client.start(null as never, { delayMs: 5_000 });
  expect(await call(handle, [message(later)])).toEqual({ failed: [`m-${later}`], putAside: [] });
  await client.close();
  await clock.advance(5_000);
});

test("a failed attempt is published with its backoff, and a cancel from elsewhere is obeyed", async () => {
  let fails = true;
  const orchestrator = async (waits: boolean, { signal }: ExecutionScope) => {
    if (waits) return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), { once: true }));
    if (!fails) return undefined as never;
    fails = false;
    throw new Error("once");
  };
  const retry = { maxAttempts: 2, backoff: { type: "exponential", delayMs: 500, jitter: 0 } } as const;
  const client = createDurableCoordinator({ name, store, queue, clock, role: "client", orchestrator, retry });
  const [once, waiting] = (await client.startMany([{ input: false }, { input: true }])) as [string, string];
  messages.waiting.clear();
  const handle = createProcessHandler(options({ orchestrator, retry }));
  expect(await call(handle, [message(once)])).toEqual({ failed: [], putAside: [] });
  await clock.advance(500);
  expect(messages.waiting.get(name)?.map(({ raw }) => JSON.parse(raw).executionId)).toEqual([once]);
  await call(handle, [message(once)]);
  const running = handle([message(waiting)], { remainingMs: () => 60_000 });
  await clock.advance(10);
  await client.cancel(waiting);
  await clock.settle();
  expect(await running).toEqual({ failed: [], putAside: [] });
  expect([(await statusOf(once))?.status, (await statusOf(waiting))?.status]).toEqual(["completed", "cancelled"]);
  await client.close();
});

test("while the store is away every message fails, and nothing is thrown at the platform", async () => {
  const orchestrator = async () => {};
  const away = new Proxy(store, {
    get: (target, key) => {
      const value = Reflect.get(target, key) as unknown;
      if (typeof value !== "function" || key === "watch" || key === "close") return value;
      return async () => {
        throw new StoreUnavailableError("down");
      };
    },
  });
  const handle = createProcessHandler(options({ orchestrator, store: away }));
  expect(await call(handle, [message("a"), message("b")], 3_000)).toEqual({ failed: ["m-a", "m-b"], putAside: [] });
  expect(errors.splice(0).map(String)).toEqual(["StoreUnavailableError: down"]);
});

test("an empty batch is worked off", async () => {
  expect(await call(createProcessHandler(options({ orchestrator: async () => {} })), [])).toEqual({ failed: [], putAside: [] });
});

test("wrong options are refused when the handler is made", () => {
  expect(() => createProcessHandler(options({ orchestrator: 3 as never }))).toThrow("orchestrator");
  expect(() => createProcessHandler(options({ orchestrator: async () => {}, reserveMs: -1 }))).toThrow("reserveMs");
});

test("the sweep publishes what is due, lost or left by the dead, and removes what is old", async () => {
  const orchestrator = async () => {};
  const client = createDurableCoordinator({ name, store, clock, role: "client", orchestrator });
  await client.start(undefined as never, { id: "unpublished" });
  await client.start(undefined as never, { id: "delayed", delayMs: 1_000 });
  await client.start(undefined as never, { id: "dead" });
  await store.claim({ name, owner: "gone", claimId: "c", limit: 1, leaseMs: 500, machineId: "function", versions: [], ids: ["dead"] });
  const sweep = createSweepHandler({ name, store, queue, clock, retention: { maxAgeMs: 60_000 } });
  await clock.advance(40_000);
  expect(await sweep()).toEqual({ takenOver: 1, due: 1, ended: 0, published: 3, removed: 0 });
  const published = messages.waiting.get(name)?.map(({ raw }) => JSON.parse(raw).executionId) ?? [];
  expect([...new Set(published)].sort()).toEqual(["dead", "delayed", "unpublished"]);
  const handle = createProcessHandler(options({ orchestrator }));
  await call(
    handle,
    published.map((id, index) => message(id, `m${index}`)),
  );
  expect((await store.counts({ name })).completed).toBe(3);
  await clock.advance(70_000);
  expect(await sweep()).toMatchObject({ published: 0, removed: 3 });
  await client.close();
});
