import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { setup } from "xstate";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import { createCoordinator } from "../../src/core/coordinator.ts";
import { createDurableCoordinator } from "../../src/core/durable-coordinator.ts";
import { NonRetryableError } from "../../src/model/errors.ts";
import { createOpenTelemetry } from "../../src/telemetry/index.ts";
import { createManualOrchestrator, sequentialIds, VirtualClock } from "../../src/testing/index.ts";

const exporter = new InMemorySpanExporter();
const metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 2 ** 30 });
const meterProvider = new MeterProvider({ readers: [reader] });
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const closing: (() => Promise<unknown>)[] = [];

beforeAll(() => {
  api.trace.setGlobalTracerProvider(tracerProvider);
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  api.metrics.setGlobalMeterProvider(meterProvider);
});

afterAll(async () => {
  await meterProvider.shutdown();
  for (const part of [api.trace, api.context, api.propagation, api.metrics]) part.disable();
});

beforeEach(() => exporter.reset());
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await tracerProvider.forceFlush();
});

function spans(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name);
}

function one(name: string): ReadableSpan {
  const found = spans(name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0] as ReadableSpan;
}

const idOf = (span: ReadableSpan) => span.spanContext().spanId;
const linksOf = (span: ReadableSpan) => span.links.map(({ context }) => context.spanId);

/** Points of a metric by their attributes. */
async function measured(name: string): Promise<Record<string, unknown>> {
  metricExporter.reset();
  await reader.forceFlush();
  const metrics = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
  const points = metrics.flatMap(({ descriptor, dataPoints }) => (descriptor.name === name ? (dataPoints as DataPoint<unknown>[]) : []));
  return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(" "), value]));
}

/** Within a span of one's own, as a request of a web server would be. */
async function withinRequest<Result>(run: () => Promise<Result>): Promise<{ result: Result; request: api.SpanContext }> {
  return api.trace.getTracer("test").startActiveSpan("request", async (span) => {
    const result = await run();
    span.end();
    return { result, request: span.spanContext() };
  });
}

describe("spans of an execution", () => {
  it("tell its start, its attempts and itself in the trace of whoever started it, linked to each other", async () => {
    const telemetry = createOpenTelemetry(api, { name: "letters" });
    let attempts = 0;
    const coordinator = createCoordinator({
      orchestrator: async (input: string) => {
        attempts += 1;
        await api.trace.getTracer("test").startActiveSpan("draft", async (span) => span.end());
        if (attempts === 1) throw new Error("no paper");
        return input;
      },
      retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 0 } },
      tracing: telemetry,
    });
    telemetry.observe(coordinator);
    const { result: id, request } = await withinRequest(() => coordinator.start("hello", { group: "g" }));
    await coordinator.waitFor(id);
    await coordinator.close();

    const start = one("execution.start");
    const [first, second] = spans("execution.attempt") as [ReadableSpan, ReadableSpan];
    const execution = one("execution");
    expect(start.parentSpanContext?.spanId).toBe(request.spanId);
    expect(start.kind).toBe(api.SpanKind.PRODUCER);
    for (const span of [first, second, execution]) {
      expect(span.parentSpanContext?.spanId).toBe(idOf(start));
      expect(span.spanContext().traceId).toBe(request.traceId);
      expect(span.attributes).toMatchObject({
        "actorfleet.execution.id": id,
        "actorfleet.group": "g",
        "actorfleet.coordinator": "letters",
      });
    }
    expect(first.attributes).toMatchObject({ "actorfleet.attempt": 1, "actorfleet.outcome": "failed" });
    expect([first.status, first.events[0]?.attributes?.["exception.message"]]).toEqual([
      { code: api.SpanStatusCode.ERROR, message: "no paper" },
      "no paper",
    ]);
    expect(second.attributes).toMatchObject({ "actorfleet.attempt": 2, "actorfleet.outcome": "completed" });
    expect(second.kind).toBe(api.SpanKind.CONSUMER);
    expect(linksOf(second)).toEqual([idOf(first)]);
    expect(linksOf(execution)).toEqual([idOf(first), idOf(second)]);
    expect(execution.attributes).toMatchObject({ "actorfleet.outcome": "completed" });
    expect(spans("draft").map((span) => span.parentSpanContext?.spanId)).toEqual([idOf(first), idOf(second)]);
  });

  it("go on in another process, through the store", async () => {
    const store = createSqliteStore({ filename: ":memory:" });
    closing.push(() => store.close());
    const options = { name: "letters", store, orchestrator: async (input: string) => input, pollMs: 5 };
    const [here, there] = [createOpenTelemetry(api), createOpenTelemetry(api)];
    const client = createDurableCoordinator({ ...options, role: "client", tracing: here });
    const worker = createDurableCoordinator({ ...options, role: "worker", tracing: there });
    closing.push(
      () => client.close(),
      () => worker.close(),
    );
    there.observe(worker);
    const { result: id, request } = await withinRequest(() => client.start("hello"));
    await client.waitFor(id);
    await expect.poll(() => spans("execution")).toHaveLength(1);
    const [start, attempt, execution] = [one("execution.start"), one("execution.attempt"), one("execution")];
    expect(attempt.spanContext().traceId).toBe(request.traceId);
    expect(attempt.parentSpanContext).toMatchObject({ spanId: idOf(start), isRemote: true });
    expect(execution.parentSpanContext?.spanId).toBe(idOf(start));
    expect(linksOf(execution)).toEqual([idOf(attempt)]);
  });

  it("of one that is put down while it waits are an attempt that was released, and another one that goes on", async () => {
    const machine = setup({}).createMachine({
      id: "order",
      initial: "unpaid",
      states: { unpaid: { tags: "waiting", on: { pay: "paid" } }, paid: { type: "final" } },
    });
    const store = createSqliteStore({ filename: ":memory:" });
    closing.push(() => store.close());
    const telemetry = createOpenTelemetry(api);
    const coordinator = createDurableCoordinator({ name: "orders", store, orchestrator: machine, pollMs: 5, tracing: telemetry });
    closing.push(() => coordinator.close());
    telemetry.observe(coordinator);
    const id = await coordinator.start(undefined as never);
    await expect.poll(() => spans("execution.attempt")).toHaveLength(1);
    expect(one("execution.attempt").attributes["actorfleet.outcome"]).toBe("released");
    expect(one("execution.attempt").status.code).toBe(api.SpanStatusCode.UNSET);
    await coordinator.send(id, { type: "pay" });
    await expect.poll(() => spans("execution")).toHaveLength(1);
    expect(spans("execution.attempt").map(({ attributes }) => attributes["actorfleet.outcome"])).toEqual(["released", "completed"]);
    const traces = new Set(exporter.getFinishedSpans().map((span) => span.spanContext().traceId));
    expect(traces.size).toBe(1);
  });

  it("tell cancels as what they are, with and without an attempt", async () => {
    const telemetry = createOpenTelemetry(api);
    const work = createManualOrchestrator<string, string>({ honoursCancel: true });
    const coordinator = createCoordinator({
      orchestrator: work.orchestrator,
      maxConcurrent: 1,
      generateId: sequentialIds("e"),
      tracing: telemetry,
    });
    telemetry.observe(coordinator);
    await coordinator.startMany([{ input: "a" }, { input: "b" }]);
    await coordinator.cancel("e2");
    await coordinator.cancel("e1");
    await coordinator.drain();
    expect(spans("execution").map(({ attributes, links }) => [attributes["actorfleet.outcome"], links.length])).toEqual([
      ["cancelled", 0],
      ["cancelled", 1],
    ]);
    expect(spans("execution").every(({ status }) => status.code === api.SpanStatusCode.UNSET)).toBe(true);
    await coordinator.close();
  });

  it("end for one that was abandoned, although its orchestrator does not", async () => {
    const clock = new VirtualClock({ now: 1_000_000 });
    const telemetry = createOpenTelemetry(api, { clock });
    const work = createManualOrchestrator<string, string>({ honoursCancel: false });
    const coordinator = createCoordinator({ orchestrator: work.orchestrator, clock, cancelGraceMs: 1_000, tracing: telemetry });
    telemetry.observe(coordinator);
    const id = await coordinator.start("deaf");
    await clock.advance(0);
    await coordinator.cancel(id);
    await clock.advance(1_000);
    expect(one("execution.attempt").attributes["actorfleet.outcome"]).toBe("abandoned");
    expect(one("execution").duration).toEqual([1, 0]);
    work.complete(id, "late");
    await clock.advance(0);
    expect(exporter.getFinishedSpans()).toHaveLength(3);
    await coordinator.close();
  });

  it("have no parent where no format of traces is registered", async () => {
    const nothing = { inject: () => {}, extract: (context: api.Context) => context };
    const telemetry = createOpenTelemetry({ ...api, propagation: nothing });
    const coordinator = createCoordinator({ orchestrator: async (input: number) => input + 1, tracing: telemetry });
    telemetry.observe(coordinator);
    expect(await coordinator.waitFor(await coordinator.start(1))).toBe(2);
    expect(one("execution.attempt").parentSpanContext).toBeUndefined();
    await coordinator.close();
  });
});

describe("metrics of executions", () => {
  it("tell waits, durations, retries, counts and capacity", async () => {
    const clock = new VirtualClock({ now: 1_000_000 });
    const telemetry = createOpenTelemetry(api, { name: "measured", clock });
    const work = createManualOrchestrator<string, string>({ honoursCancel: true });
    const retry = { maxAttempts: 2, backoff: { type: "exponential", delayMs: 1_000, jitter: 0 } } as const;
    const coordinator = createCoordinator({
      ...{ orchestrator: work.orchestrator, clock, maxConcurrent: 1, generateId: sequentialIds("e"), retry },
      tracing: telemetry,
    });
    const watching = telemetry.observe(coordinator);
    await coordinator.startMany([{ input: "a" }, { input: "b" }]);
    await clock.advance(2_000);
    expect(await measured("actorfleet.executions")).toEqual({ "measured queued": 1, "measured running": 1, "measured waiting": 0 });
    expect(await measured("actorfleet.slots.taken")).toEqual({ measured: 1 });
    expect(await measured("actorfleet.slots.limit")).toEqual({ measured: 1 });
    work.complete("e1", "done");
    await clock.advance(0);
    work.fail("e2", new Error("no paper"));
    await clock.advance(1_000);
    work.fail("e2", new NonRetryableError("no pen"));
    await clock.advance(0);
    expect(await measured("actorfleet.execution.wait")).toMatchObject({ measured: { count: 2, sum: 2 } });
    expect(await measured("actorfleet.execution.duration")).toMatchObject({
      "measured completed": { count: 1, sum: 2 },
      "measured failed": { count: 1, sum: 1 },
    });
    expect((await measured("actorfleet.execution.retries")).measured).toBe(1);
    watching.unsubscribe();
    await coordinator.start("c");
    expect(coordinator.stats.getSnapshot().context.slotsTaken).toBe(1);
    expect((await measured("actorfleet.slots.taken")).measured).toBe(0);
    await coordinator.close({ mode: "cancel" });
  });

  it("tell the calls of a store, and the leases that it took back", async () => {
    const telemetry = createOpenTelemetry(api);
    const clock = new VirtualClock({ now: 1_000_000 });
    const real = createSqliteStore({ filename: ":memory:", clock });
    closing.push(() => real.close());
    const store = telemetry.observeStore(real);
    expect(store.capabilities).toBe(real.capabilities);
    const execution = {
      id: "1",
      startToken: "t",
      input: "1",
      priority: 0,
      tags: [],
      maxAttempts: 1,
      maxTakeovers: 1,
      delayMs: 0,
      machineId: "m",
    };
    await store.insert({ name: "n", executions: [execution] } as never);
    await store.claim({ name: "n", owner: "w", claimId: "c", limit: 1, leaseMs: 1_000, machineId: "m", versions: "any" });
    await clock.advance(2_000);
    await store.sweep({ name: "n" });
    expect(await measured("actorfleet.leases.lost")).toEqual({ "": 1 });
    expect(Object.keys(await measured("actorfleet.store.duration"))).toEqual(
      expect.arrayContaining(["insert answered", "claim answered", "sweep answered"]),
    );
  });
});
