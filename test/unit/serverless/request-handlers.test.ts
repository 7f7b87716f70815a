import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryQueue, createMemoryStore, MemoryQueueData } from "../../../src/adapters/memory/index.ts";
import { createDurableCoordinator, type DurableCoordinator } from "../../../src/core/durable-coordinator.ts";
import { StoreUnavailableError } from "../../../src/model/store-errors.ts";
import { createAcceptHandler, createStatusHandler } from "../../../src/serverless/index.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

let clock: VirtualClock;
let messages: MemoryQueueData;
let coordinator: DurableCoordinator<{ text: string }, unknown>;
let closeAll: () => Promise<void>;

beforeEach(() => {
  clock = new VirtualClock({ now: 1_000 });
  messages = new MemoryQueueData();
  const store = createMemoryStore({ clock });
  const queue = createMemoryQueue({ clock, data: messages });
  let ids = 0;
  coordinator = createDurableCoordinator({
    ...{ name: "test", store, queue, clock, role: "client", generateId: () => `e${++ids}` },
    orchestrator: async (input: { text: string }): Promise<unknown> => input,
    inputSchema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof (value as { text?: unknown } | null)?.text === "string"
            ? { value: value as { text: string } }
            : { issues: [{ message: "expected a text", path: ["text"] }] },
      },
    },
  });
  closeAll = async () => {
    await coordinator.close();
    await queue.close();
    await store.close();
  };
});
afterEach(() => closeAll());

const post = (body: unknown, headers: Record<string, string> = {}) =>
  new Request("https://api.test/reports/?a=b", {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  });
const posted = () => messages.waiting.get("test")?.map(({ raw }) => raw) ?? [];

test("a request is stored, published by its id, and answered with where to ask", async () => {
  const response = await createAcceptHandler({ coordinator })(post({ text: "x".repeat(1_048_576) }));
  expect(response.status).toBe(202);
  const { id, statusUrl } = (await response.json()) as { id: string; statusUrl: string };
  expect(statusUrl).toBe(`https://api.test/reports/${id}`);
  expect(response.headers.get("location")).toBe(statusUrl);
  expect(posted()).toEqual([JSON.stringify({ name: "test", executionId: id })]);
  expect((posted()[0] ?? "").length).toBeLessThan(1_024);
  const status = await createStatusHandler({ coordinator })(new Request(statusUrl));
  expect(status.status).toBe(200);
  expect(await status.json()).toMatchObject({ id, status: "queued" });
});

test("a request with the same idempotency key starts once", async () => {
  const accept = createAcceptHandler({ coordinator });
  const ids: unknown[] = [];
  for (let count = 0; count < 2; count++) {
    const response = await accept(post({ text: "a" }, { "idempotency-key": '"k"' }));
    ids.push(((await response.json()) as { id: string }).id);
  }
  expect(ids[0]).toBe(ids[1]);
  expect((await coordinator.counts()).total).toBe(1);
  expect((await accept(post({ text: "b" }, { "idempotency-key": "k" }))).status).toBe(422);
});

test("a body can mean something else, with options of the start", async () => {
  const accept = createAcceptHandler<{ text: string }>({
    coordinator,
    toStart: (body, request) => ({
      input: { text: `${(body as { n: number }).n} of ${new URL(request.url).hostname}` },
      options: { id: "mine", tags: ["web"] },
    }),
    statusUrl: (id) => `/status?id=${id}`,
  });
  const response = await accept(post({ n: 7 }));
  expect(await response.json()).toEqual({ id: "mine", statusUrl: "/status?id=mine" });
  expect(await coordinator.getStatus("mine")).toMatchObject({ tags: ["web"] });
  const status = createStatusHandler({ coordinator, idOf: ({ url }) => new URL(url).searchParams.get("id") ?? "" });
  expect((await status(new Request("https://api.test/status?id=mine"))).status).toBe(200);
  expect((await accept(post({ n: 7 }))).status).toBe(409);
});

test.each([
  ["no JSON", () => post("{"), 400],
  ["an input that the schema refuses", () => post({ text: 3 }), 422],
  ["another type", () => post({ text: "a" }, { "content-type": "text/plain" }), 415],
  ["too much", () => post({ text: "a".repeat(2_000) }), 413],
  ["another method", () => new Request("https://api.test/reports"), 405],
])("%s is refused, and nothing is stored or published", async (_, request, status) => {
  const response = await createAcceptHandler({ coordinator, maxBodyBytes: 1_000 })(request());
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect([(await coordinator.counts()).total, posted()]).toEqual([0, []]);
});

test("what goes wrong inside is told to its owner only, and a store that is away asks for another try", async () => {
  const told: unknown[] = [];
  const failing = (error: Error) => ({ start: () => Promise.reject(error), getStatus: () => Promise.reject(error) });
  const bug = new TypeError("secret detail");
  const response = await createAcceptHandler({ coordinator: failing(bug), onError: (error) => told.push(error) })(post({}));
  expect([response.status, told]).toEqual([500, [bug]]);
  expect(await response.text()).not.toContain("secret");
  const away = failing(new StoreUnavailableError("down"));
  const later = await createAcceptHandler({ coordinator: away })(post({}));
  expect([later.status, later.headers.get("retry-after")]).toEqual([503, expect.any(String)]);
  expect((await createStatusHandler({ coordinator: away })(new Request("https://api.test/reports/a"))).status).toBe(503);
});

test("the status of nothing is 404, and it cannot be posted to", async () => {
  const status = createStatusHandler({ coordinator });
  expect((await status(new Request("https://api.test/reports/nobody"))).status).toBe(404);
  expect((await status(new Request("https://api.test/reports/%ff"))).status).toBe(404);
  expect((await status(post({}))).status).toBe(405);
});

test("wrong options are refused", () => {
  expect(() => createAcceptHandler({} as never)).toThrow("coordinator");
  expect(() => createAcceptHandler({ coordinator, maxBodyBytes: 0 })).toThrow("maxBodyBytes");
  expect(() => createStatusHandler({ coordinator: {} } as never)).toThrow("coordinator");
});
