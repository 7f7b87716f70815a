import { afterEach, expect, it } from "vitest";
import { createMemoryStore } from "../../src/adapters/memory/index.ts";
import type { AnyCoordinator } from "../../src/core/any-coordinator.ts";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import type { ExecutionScope } from "../../src/core/execution-scope.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import { caller } from "./api-world.ts";
import { EventReader } from "./event-reader.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Two processes of one fleet: one that works, and one that only asks. */
function createWorld() {
  const store = createMemoryStore();
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const options = {
    name: "history",
    store,
    pollMs: 5,
    maxStoredEvents: 100,
    retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 1 } },
    orchestrator: async (_: unknown, { attempt, progress }: ExecutionScope) => {
      if (attempt === 1) throw new RangeError("not at once");
      progress("half");
      await finished;
      return "done";
    },
  } as const;
  closing.push(() => store.close());
  const opened = (role: "worker" | "client") => {
    const coordinator = createDurableCoordinator({ ...options, role });
    closing.push(() => coordinator.close({ mode: "cancel", deadlineMs: 1_000 }));
    const api = createHttpApi(coordinator as AnyCoordinator);
    closing.push(() => api.close());
    const follow = (id: string, lastEventId?: string) =>
      api.fetch(
        new Request(
          `http://localhost/executions/${id}/events`,
          lastEventId === undefined ? {} : { headers: { "last-event-id": lastEventId } },
        ),
      );
    return { coordinator, follow, ...caller(api) };
  };
  return { worker: opened("worker"), client: opened("client"), finish };
}

const short = (events: readonly { type?: string }[]) => events.map(({ type }) => type?.replace("execution.", ""));
const allOfIt = ["queued", "started", "retrying", "started", "progressed", "completed"];

it("tells in any process what happened in another one, and goes on after a number", async () => {
  const { client, finish } = createWorld();
  finish();
  const id = await client.coordinator.start(1);
  await client.coordinator.waitFor(id);
  const types = async (query = "") => short((await client.get(`/executions/${id}/history${query}`)).body.items);
  await expect.poll(() => types()).toEqual(allOfIt);
  expect(await types("?after=2&limit=2")).toEqual(["retrying", "started"]);
  const { body } = await client.get(`/executions/${id}/history?after=2&limit=1`);
  expect(body.items[0]).toMatchObject({ sequence: 3, attempt: 1, error: { name: "RangeError", message: "not at once" } });
  expect(body.items[0].error).not.toHaveProperty("stack");
  expect((await client.get("/executions/nobody/history")).status).toBe(404);
  expect((await client.get(`/executions/${id}/history?limit=0`)).status).toBe(422);
});

it("comes before what is live, each event once, also for who opens the stream while it happens", async () => {
  const { worker, finish } = createWorld();
  // A stream of another one, so that events are gathered from the beginning.
  await worker.coordinator.start(0, { id: "other" });
  const other = new EventReader(await worker.follow("other"));
  const id = await worker.coordinator.start(1);
  const readers: EventReader[] = [];
  // One at each turn of the loop, so that some open before it has begun, some while it fails, and some when it is half done.
  for (let isHalf = false; !isHalf; ) {
    await new Promise(setImmediate);
    isHalf = (await worker.coordinator.getStatus(id))?.progress === "half";
    readers.push(new EventReader(await worker.follow(id)));
  }
  finish();
  for (const reader of readers) {
    const types = short(await reader.until("end"));
    expect(types.filter((type) => type !== "snapshot")).toEqual(allOfIt);
  }
  await other.leave();
});

it("is gone on with after the last event that was read, and is over when all was", async () => {
  const { client, finish } = createWorld();
  finish();
  const id = await client.coordinator.start(1);
  await client.coordinator.waitFor(id);
  await expect.poll(async () => (await client.get(`/executions/${id}/history`)).body.items.length).toBe(allOfIt.length);
  const first = new EventReader(await client.follow(id));
  for (let read = 0; read < 3; read += 1) await first.next();
  await first.leave();
  expect(first.lastEventId).toBe("past-3");
  const second = new EventReader(await client.follow(id, first.lastEventId));
  expect(short(await second.until("end"))).toEqual(["started", "progressed", "completed", "snapshot"]);
  expect((await client.follow(id, second.lastEventId)).status).toBe(204);
  const afterRestart = new EventReader(await client.follow(id, "elsewher-7"));
  expect(short(await afterRestart.until("end"))).toEqual(["events.missed", ...allOfIt, "snapshot"]);
});

it("is empty where there is no store", async () => {
  const coordinator = createCoordinator({ orchestrator: async () => 1 });
  closing.push(() => coordinator.close());
  const api = createHttpApi(coordinator);
  closing.push(() => api.close());
  const id = await coordinator.start(undefined);
  expect((await caller(api).get(`/executions/${id}/history`)).body).toEqual({ items: [] });
});
