import { afterEach, describe, expect, it } from "vitest";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createHttpApi } from "../../src/http/http-api.ts";
import type { HttpApiOptions } from "../../src/http/http-api-options.ts";
import { createManualOrchestrator, sequentialIds, VirtualClock } from "../../src/testing/index.ts";
import { EventReader } from "./event-reader.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function createWorld(options: HttpApiOptions = {}) {
  const clock = new VirtualClock({ now: 1_000 });
  const work = createManualOrchestrator<unknown, unknown>({ honoursCancel: true });
  const coordinator = createCoordinator({ orchestrator: work.orchestrator, clock, generateId: sequentialIds("e"), maxConcurrent: 10_000 });
  const api = createHttpApi(coordinator, { clock, ...options });
  closing.push(async () => {
    api.close();
    await coordinator.close({ mode: "cancel" });
  });
  const request = (path: string, lastEventId?: string) =>
    api.fetch(new Request(`http://localhost${path}`, lastEventId === undefined ? {} : { headers: { "last-event-id": lastEventId } }));
  return {
    clock,
    work,
    coordinator,
    api,
    request,
    follow: async (path: string, lastEventId?: string) => new EventReader(await request(path, lastEventId)),
  };
}

const typesAndIds = (events: readonly { type?: string; data?: { executionId?: string } }[]) =>
  events.map(({ type, data }) => `${type?.replace("execution.", "")} ${data?.executionId}`);

describe("the stream of all events", () => {
  it("tells what happens from when it was opened, and stops with the coordinator", async () => {
    const { coordinator, work, follow, clock } = createWorld();
    await coordinator.start("before");
    const reader = await follow("/events");
    expect(await reader.next()).toEqual({ id: expect.stringMatching(/^.{8}-0$/) });
    const id = await coordinator.start("after");
    work.complete(id, { price: 3 });
    await clock.advance(20);
    const events = await reader.until("execution.completed");
    expect(typesAndIds(events)).toEqual(["queued e2", "started e2", "completed e2"]);
    expect(events.at(-1)?.data).toMatchObject({ type: "execution.completed", result: { price: 3 }, at: expect.any(Number) });
    await coordinator.close({ mode: "cancel" });
    expect(typesAndIds(await reader.until("end"))).toEqual(["cancelling e1", "cancelled e1"]);
  });

  it("goes on after the last event that a reader has read", async () => {
    const { coordinator, follow, clock } = createWorld();
    const reader = await follow("/events");
    for (const input of [1, 2, 3]) await coordinator.start(input);
    await clock.advance(20);
    await reader.until("execution.queued");
    await reader.leave();
    await coordinator.start(4);
    await clock.advance(20);
    const again = await follow("/events", reader.lastEventId);
    await coordinator.cancel("e4");
    await clock.advance(20);
    expect(typesAndIds(await again.until("execution.cancelled"))).toEqual([
      ...["started e1", "queued e2", "started e2", "queued e3", "started e3"],
      ...["queued e4", "started e4", "cancelling e4", "cancelled e4"],
    ]);
  });

  it("tells how many events a reader has missed who was away for too long", async () => {
    const { coordinator, follow, clock } = createWorld({ maxReplayedEvents: 4 });
    const reader = await follow("/events");
    await reader.next();
    await reader.leave();
    for (const input of [1, 2, 3]) await coordinator.start(input);
    await clock.advance(20);
    const again = await follow("/events", reader.lastEventId);
    await again.next();
    const missed = await again.next();
    expect(missed).toMatchObject({ type: "events.missed", data: { type: "events.missed", missed: 2 } });
    expect(typesAndIds([(await again.next()) ?? {}])).toEqual(["queued e2"]);
    const third = await follow("/events", missed?.id);
    await third.next();
    expect(typesAndIds([(await third.next()) ?? {}])).toEqual(["queued e2"]);
  });

  it("says that events may be missing for an id of another process, of long ago, or of nobody", async () => {
    const { coordinator, follow, clock } = createWorld();
    const reader = await follow("/events");
    await reader.next();
    await reader.leave();
    const fromNowhere = [`${reader.lastEventId?.slice(0, 8)}-99`, "abcdefgh-0", "junk", "-", `${reader.lastEventId?.slice(0, 8)}-1e3`];
    for (const id of fromNowhere) {
      const again = await follow("/events", id);
      await again.next();
      expect(await again.next(), id).toEqual({ type: "events.missed", data: { type: "events.missed" } });
      await again.leave();
    }
    await clock.advance(60_000);
    const late = await follow("/events", reader.lastEventId);
    await late.next();
    expect(await late.next()).toMatchObject({ type: "events.missed" });
    expect(coordinator.counts().total).toBe(0);
  });

  it("keeps nothing for a reader who does not read, tells it what it missed, and lets it go after a minute", async () => {
    const { coordinator, follow, clock, request } = createWorld({ maxReplayedEvents: 10 });
    const stalled = await follow("/events");
    for (let input = 0; input < 200; input += 1) {
      await coordinator.start(input);
      if (input % 20 === 0) await clock.advance(20);
    }
    await clock.advance(20);
    const events = await stalled.until("events.missed");
    expect(events.length).toBeLessThan(5);
    expect(events.at(-1)?.data.missed).toBeGreaterThan(100);
    await stalled.until("execution.queued");
    for (let beats = 0; beats < 6; beats += 1) {
      await coordinator.start(beats);
      await clock.advance(15_000);
    }
    const metrics = await (await request("/metrics")).text();
    expect(metrics).toContain("actorfleet_event_clients 0");
  });

  it("shows every fifteen seconds that it is there", async () => {
    const { follow, clock } = createWorld();
    const reader = await follow("/events");
    await reader.next();
    await clock.advance(15_000);
    expect(await reader.next()).toEqual({ comment: "still here" });
  });

  it("leaves out what makes an event large", async () => {
    const { coordinator, work, follow, clock } = createWorld();
    const reader = await follow("/events");
    const id = await coordinator.start(1);
    await clock.advance(20);
    work.complete(id, "x".repeat(100_000));
    await clock.advance(20);
    const completed = (await reader.until("execution.completed")).at(-1);
    expect(completed?.data).toMatchObject({ executionId: id, omitted: ["result"], durationMs: expect.any(Number) });
    expect(completed?.data).not.toHaveProperty("result");
  });

  it("shows errors without their stack", async () => {
    const { coordinator, work, follow, clock } = createWorld();
    const reader = await follow("/events");
    const id = await coordinator.start(1);
    await clock.advance(20);
    work.fail(id, new Error("no such city", { cause: new Error("deeper") }));
    await clock.advance(20);
    const failed = (await reader.until("execution.failed")).at(-1);
    expect(JSON.stringify(failed?.data)).toMatch(/no such city.*deeper/);
    expect(JSON.stringify(failed?.data)).not.toContain("stack");
  });

  it("is refused beyond the limit, and to a HEAD request has only headers", async () => {
    const { follow, request, api } = createWorld({ maxEventClients: 1 });
    const head = await api.fetch(new Request("http://localhost/events", { method: "HEAD" }));
    expect([head.status, head.headers.get("content-type"), head.body]).toEqual([200, "text/event-stream", null]);
    const reader = await follow("/events");
    const refused = await request("/events");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.json()).toMatchObject({ code: "TOO_MANY_EVENT_CLIENTS" });
    await reader.leave();
    expect((await request("/events")).status).toBe(200);
  });

  it("forgets a reader whose request was aborted", async () => {
    const { api, request } = createWorld();
    const controller = new AbortController();
    await api.fetch(new Request("http://localhost/events", { signal: controller.signal }));
    const clients = async () => /event_clients (\d+)/.exec(await (await request("/metrics")).text())?.[1];
    expect(await clients()).toBe("1");
    controller.abort();
    expect(await clients()).toBe("0");
  });

  it("is over once the coordinator is closed, and is not opened again", async () => {
    const { coordinator, request } = createWorld();
    await coordinator.close();
    const refused = await request("/events");
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: "COORDINATOR_CLOSED" });
  });
});

describe("the stream of one execution", () => {
  it("begins with the execution as it is, has its events alone, and ends with it", async () => {
    const { coordinator, work, follow, clock } = createWorld();
    const id = await coordinator.start("mine");
    const other = await coordinator.start("other");
    await clock.advance(20);
    const reader = await follow(`/executions/${id}/events`);
    for (let step = 0; step < 3; step += 1) {
      work.progress(other, step);
      await clock.advance(20);
    }
    work.progress(id, "half");
    work.complete(other, 0);
    await clock.advance(20);
    work.complete(id, 42);
    await clock.advance(20);
    const [snapshot, ...events] = await reader.until("end");
    expect(snapshot).toMatchObject({ type: "execution.snapshot", data: { execution: { id, status: "running" } } });
    expect(typesAndIds(events)).toEqual([`progressed ${id}`, `completed ${id}`]);
    expect(await reader.next()).toBeUndefined();
  });

  it("tells those who have seen the end not to come back, and shows it to those who have not", async () => {
    const { coordinator, work, follow, clock, request } = createWorld();
    const id = await coordinator.start("mine");
    await clock.advance(20);
    const reader = await follow(`/executions/${id}/events`);
    await reader.next();
    const beforeTheEnd = reader.lastEventId;
    work.complete(id, 42);
    await clock.advance(20);
    await reader.until("end");
    expect((await request(`/executions/${id}/events`, reader.lastEventId)).status).toBe(204);
    const [snapshot, end] = await (await follow(`/executions/${id}/events`, beforeTheEnd)).until("end");
    expect([snapshot?.data.execution.result, end?.type]).toEqual([42, "execution.completed"]);
    const newcomer = await follow(`/executions/${id}/events`);
    expect((await newcomer.until("end")).map(({ type }) => type)).toEqual(["execution.snapshot"]);
    expect((await request(`/executions/${id}/events`, newcomer.lastEventId)).status).toBe(204);
  });

  it("does not exist for an execution that does not", async () => {
    const { request } = createWorld();
    expect((await request("/executions/nobody/events")).status).toBe(404);
  });

  it("reports nothing as missed because others were busy", async () => {
    const { coordinator, work, follow, clock } = createWorld({ maxReplayedEvents: 5 });
    const id = await coordinator.start("mine");
    const busy = await coordinator.start("busy");
    await clock.advance(20);
    const reader = await follow(`/executions/${id}/events`);
    for (let step = 0; step < 50; step += 1) {
      work.progress(busy, step);
      await clock.advance(20);
    }
    work.complete(id, 1);
    await clock.advance(20);
    expect((await reader.until("end")).map(({ type }) => type)).toEqual(["execution.snapshot", "execution.completed"]);
  });
});
