import { afterEach, describe, expect, it } from "vitest";
import { assign, setup } from "xstate";
import * as z from "zod";
import type { AnyCoordinator } from "../../src/core/any-coordinator.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import { NonRetryableError } from "../../src/model/errors.ts";
import { untilAborted } from "../../src/testing/until-aborted.ts";
import { apiOver, type CoordinatorKind, caller, coordinatorKinds } from "./api-world.ts";

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

function opened<World extends { close(): Promise<void> }>(world: World): World {
  open.push(world.close);
  return world;
}

type Wish = { answer: unknown } | { fails: string } | { lasts: true };

const workOn = (kind: CoordinatorKind) =>
  opened(
    apiOver(kind, {
      orchestrator: async (wish: Wish, { signal, progress }) => {
        progress({ begun: true });
        if ("lasts" in wish) return untilAborted(signal, () => () => {});
        if ("fails" in wish) throw new NonRetryableError(wish.fails, { cause: new Error("deeper") });
        return wish.answer;
      },
      maxConcurrent: 3,
    }),
  );

const expense = setup({
  types: { context: {} as { approved: boolean }, output: {} as boolean },
}).createMachine({
  id: "expense",
  context: { approved: false },
  initial: "asking",
  states: {
    asking: {
      tags: "waiting",
      initial: "first",
      states: { first: { on: { remind: "second" } }, second: {} },
      on: { approve: { target: "decided", actions: assign({ approved: true }) }, reject: "decided" },
    },
    decided: { type: "final" },
  },
  output: ({ context }) => context.approved,
});

describe.each(coordinatorKinds)("executions of a coordinator %s", (kind) => {
  it("are started, found at their Location, and show their result", async () => {
    const { post, get, coordinator } = workOn(kind);
    const { status, body, headers } = await post("/executions", {
      input: { answer: [1, 2] },
      options: { id: "a/b ü%2F", group: "g", tags: ["t"], priority: 2 },
    });
    expect({ status, body }).toEqual({ status: 202, body: { id: "a/b ü%2F" } });
    await coordinator.waitFor(body.id);
    const shown = await get(headers.get("location") as string);
    expect(shown.status).toBe(200);
    expect(shown.body).toMatchObject({ id: "a/b ü%2F", status: "completed", result: [1, 2], group: "g", tags: ["t"], priority: 2 });
  });

  it("are started once for an Idempotency-Key, quoted or not, and refused for the same key with another input", async () => {
    const { post } = workOn(kind);
    const first = await post("/executions", { input: { lasts: true } }, { "idempotency-key": "k1" });
    const second = await post("/executions", { input: { lasts: true } }, { "idempotency-key": '"k1"' });
    expect(second.body).toEqual(first.body);
    const other = await post("/executions", { input: { answer: 1 } }, { "idempotency-key": "k1" });
    expect(other).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_CONFLICT" } });
    const empty = await post("/executions", { input: { answer: 1 } }, { "idempotency-key": '""' });
    expect(empty).toMatchObject({ status: 422, body: { errors: [{ header: "Idempotency-Key" }] } });
  });

  it("are not started twice under one id", async () => {
    const { post } = workOn(kind);
    const start = { input: { answer: 1 }, options: { id: "one" } };
    expect((await post("/executions", start)).status).toBe(202);
    const again = await post("/executions", start);
    expect(again.headers.get("content-type")).toBe("application/problem+json");
    expect(again).toMatchObject({ status: 409, body: { status: 409, code: "EXECUTION_DUPLICATE", title: expect.any(String) } });
  });

  it("are listed by status, group and tag, page by page, without results", async () => {
    const { post, get, coordinator } = workOn(kind);
    for (const [id, group, tag] of [
      ["1", "x", "t"],
      ["2", "y", "t"],
      ["3", "x", "u"],
    ]) {
      await post("/executions", { input: { answer: id }, options: { id, group, tags: [tag] } });
      await coordinator.waitFor(id as string);
    }
    const ids = async (query: string) => (await get(`/executions${query}`)).body.items.map(({ id }: { id: string }) => id);
    expect(await ids("")).toEqual(["1", "2", "3"]);
    expect(await ids("?group=x")).toEqual(["1", "3"]);
    expect(await ids("?tag=t&status=completed")).toEqual(["1", "2"]);
    expect(await ids("?status=running")).toEqual([]);
    const { body } = await get("/executions?limit=2");
    expect(body.items).toHaveLength(2);
    expect(body.items[0]).not.toHaveProperty("result");
    expect(await ids(`?limit=2&cursor=${body.nextCursor}`)).toEqual(["3"]);
  });

  it("show why they failed, without a stack at any depth", async () => {
    const { post, get, coordinator } = workOn(kind);
    const { body } = await post("/executions", { input: { fails: "no such city" } });
    await expect(coordinator.waitFor(body.id)).rejects.toThrow();
    for (const path of [`/executions/${body.id}`, "/executions"]) {
      const answer = await get(path);
      expect(JSON.stringify(answer.body)).toMatch(/no such city.*deeper/);
      expect(JSON.stringify(answer.body)).not.toMatch(/stack|\.ts:/);
    }
  });

  it("are cancelled once; an unknown and an ended one are told apart", async () => {
    const { post, get, coordinator } = workOn(kind);
    await post("/executions", { input: { lasts: true }, options: { id: "long" } });
    expect(await post("/executions/long/cancel", { reason: "not needed" })).toMatchObject({ status: 202, body: { accepted: true } });
    await expect(coordinator.waitFor("long")).rejects.toThrow(/not needed/);
    expect((await get("/executions/long")).body).toMatchObject({ status: "cancelled", reason: "not needed" });
    const again = await post("/executions/long/cancel", {});
    expect(again).toMatchObject({ status: 409, body: { code: "EXECUTION_ENDED", executionStatus: "cancelled" } });
    expect(await post("/executions/nobody/cancel", {})).toMatchObject({ status: 404, body: { code: "EXECUTION_NOT_FOUND" } });
  });

  it("are cancelled without a body, but not without the type of JSON", async () => {
    const { post, call } = workOn(kind);
    await post("/executions", { input: { lasts: true }, options: { id: "long" } });
    expect((await call("POST", "/executions/long/cancel")).status).toBe(415);
    expect((await call("POST", "/executions/long/cancel", { headers: { "content-type": "application/json" } })).status).toBe(202);
  });

  it("show the state of their machine and the signals it accepts, and take those", async () => {
    const { post, get, coordinator } = opened(apiOver(kind, { orchestrator: expense }));
    const { body } = await post("/executions", {});
    const path = `/executions/${body.id}`;
    const shows = async (state: unknown) => expect.poll(async () => (await get(path)).body.stateValue).toEqual(state);
    await shows({ asking: "first" });
    expect((await get(path)).body).toMatchObject({ state: "running.waiting", accepts: ["approve", "reject", "remind"] });
    expect(await post(`${path}/events`, { type: "remind" })).toMatchObject({ status: 202, body: { accepted: true } });
    await shows({ asking: "second" });
    expect((await get(path)).body.accepts).toEqual(["approve", "reject"]);
    await post(`${path}/events`, { type: "approve", by: "Grace" });
    expect(await coordinator.waitFor(body.id)).toBe(true);
    const late = await post(`${path}/events`, { type: "approve" });
    expect(late).toMatchObject({ status: 409, body: { code: "EXECUTION_ENDED", accepts: [] } });
    expect((await get(path)).body).not.toHaveProperty("accepts");
    expect((await post("/executions/nobody/events", { type: "approve" })).status).toBe(404);
  });
});

describe("a signal that is not accepted", () => {
  it.each(coordinatorKinds)("gives 409 and the types that are, %s", async (kind) => {
    const { post } = opened(apiOver(kind, { orchestrator: expense }));
    const { body } = await post("/executions", {});
    await expect
      .poll(async () => (await post(`/executions/${body.id}/events`, { type: "shred" })).body)
      .toMatchObject({
        status: 409,
        code: "SIGNAL_NOT_ACCEPTED",
        detail: '"shred": it takes approve, reject, remind',
        accepts: ["approve", "reject", "remind"],
      });
  });
});

describe("a start that is refused", () => {
  const cases: Record<string, { body: unknown; pointers: string[] }> = {
    "an unknown field": { body: { input: 1, option: {} }, pointers: ["#/option"] },
    "wrong options": {
      body: { input: 1, options: { priority: "high", tags: ["a", ""], retry: { backoff: { delayMs: -1 } } } },
      pointers: ["#/options/priority", "#/options/tags/1", "#/options/retry/backoff/delayMs"],
    },
    "an id that no address can carry": { body: { input: 1, options: { id: ".." } }, pointers: ["#/options/id"] },
    "settings of the model": {
      body: { input: 1, options: { settings: { llm: { endpoint: "https://elsewhere.example" } } } },
      pointers: ["#/options/settings/llm"],
    },
    "settings that are none": {
      body: { input: 1, options: { settings: { orchestration: { maxIteration: 3 } } } },
      pointers: ["#/options/settings/orchestration/maxIteration"],
    },
    "no object": { body: [1], pointers: ["#"] },
  };

  it.each(Object.entries(cases))("names the fields: %s", async (_, { body, pointers }) => {
    const { post, coordinator } = opened(apiOver("in memory", { orchestrator: async (input: unknown) => input }));
    const answer = await post("/executions", body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
    expect(coordinator.list()).toEqual({ items: [] });
  });

  it("names the fields of the input that its schema refuses", async () => {
    const inputSchema = z.object({ city: z.object({ name: z.string() }) });
    const { post } = opened(apiOver("in memory", { orchestrator: async (input: { city: { name: string } }) => input, inputSchema }));
    const answer = await post("/executions", { input: { city: { name: 3 } } });
    expect(answer).toMatchObject({ status: 422, body: { code: "INPUT_INVALID", errors: [{ pointer: "#/input/city/name" }] } });
  });

  it("is told to come back when the queue is full, and when the coordinator is closing", async () => {
    const { post, get, coordinator } = opened(
      apiOver("in memory", {
        orchestrator: async (_: unknown, { signal }) => untilAborted(signal, () => () => {}),
        maxConcurrent: 1,
        maxQueued: 0,
        cancelGraceMs: 0,
      }),
    );
    expect((await get("/healthz")).body).toEqual({ status: "ok", mode: "accepting" });
    await post("/executions", { input: 1 });
    const full = await post("/executions", { input: 2 });
    expect(full).toMatchObject({ status: 503, body: { code: "CAPACITY_EXCEEDED", detail: expect.stringContaining("maxQueued 0") } });
    expect(full.headers.get("retry-after")).toBe("1");
    await coordinator.close({ mode: "cancel" });
    expect(await post("/executions", { input: 3 })).toMatchObject({ status: 503, body: { code: "COORDINATOR_CLOSED" } });
    expect((await get("/healthz")).status).toBe(503);
  });

  it("was no JSON, was too deep, or too large", async () => {
    const { call, coordinator } = opened(apiOver("in memory", { orchestrator: async (input: unknown) => input }, { maxBodyBytes: 1_000 }));
    const send = (body: BodyInit) => call("POST", "/executions", { body, headers: { "content-type": "application/json; charset=utf-8" } });
    expect(await send("{")).toMatchObject({ status: 400, body: { code: "REQUEST_MALFORMED" } });
    expect((await send("")).status).toBe(400);
    expect((await send(new Uint8Array([0x22, 0xff, 0x22]))).body.detail).toBe("the body is not UTF-8");
    expect((await send(`{"input":${"[".repeat(65)}${"]".repeat(65)}}`)).body.detail).toBe("the body is nested deeper than 64");
    expect((await send(`{"input":"${"[".repeat(900)}\\""}`)).status).toBe(202);
    expect((await send(`{"input":"${"x".repeat(1_000)}"}`)).status).toBe(413);
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(600).fill(32)) });
    expect(
      (await call("POST", "/executions", { body: endless, headers: { "content-type": "application/json" }, duplex: "half" } as RequestInit))
        .status,
    ).toBe(413);
    expect((await call("POST", "/executions", { body: "{}", headers: { "content-type": "text/plain" } })).status).toBe(415);
    expect(coordinator.stats.getSnapshot().context.failed).toBe(0);
  });
});

describe("a result that has no JSON", () => {
  it("is said to have none, and the rest is shown", async () => {
    const { post, get, coordinator } = opened(apiOver("in memory", { orchestrator: async () => ({ big: 1n }) }));
    const { body } = await post("/executions", {});
    await coordinator.waitFor(body.id);
    const answer = await get(`/executions/${body.id}`);
    expect(answer).toMatchObject({ status: 200, body: { status: "completed", result: { unserializable: expect.any(String) } } });
  });
});

describe("an id that no store can hold", () => {
  it("is nobody's, and the store is not asked", async () => {
    const { coordinator } = opened(apiOver("in memory", { orchestrator: async () => 1 }));
    // A coordinator that can be asked nothing but to be watched.
    const { supervisor } = coordinator;
    const { get, post } = caller(createHttpApi({ supervisor } as AnyCoordinator));
    expect((await get("/executions/a%00b")).status).toBe(404);
    expect((await post("/executions/a%00b/cancel", {})).status).toBe(404);
    expect((await post("/executions/a%00b/events", { type: "a" })).status).toBe(404);
  });
});
