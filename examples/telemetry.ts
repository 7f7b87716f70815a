/** What a coordinator tells to those who operate it: a trace from a request to the work it began, metrics, and a structured log. */
import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import pino from "pino";
import { createCoordinator } from "../src/index.ts";
import { createOpenTelemetry, logEvents } from "../src/telemetry/index.ts";

// As in any program with OpenTelemetry; an exporter to a collector would take the place of this one.
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
api.trace.setGlobalTracerProvider(provider);
api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
api.propagation.setGlobalPropagator(new W3CTraceContextPropagator());
const tracer = api.trace.getTracer("shop");

const telemetry = createOpenTelemetry(api, { name: "orders" });
const coordinator = createCoordinator({
  orchestrator: async (order: { item: string }, { attempt }) => {
    if (attempt === 1) throw new Error("the warehouse does not answer");
    return tracer.startActiveSpan("pack", async (span) => {
      span.end();
      return `${order.item} on its way`;
    });
  },
  retry: { maxAttempts: 2, backoff: { type: "exponential", delayMs: 20 } },
  tracing: telemetry,
});
telemetry.observe(coordinator);
logEvents(coordinator, pino({ base: null, timestamp: false }, pino.destination({ sync: true })));

const id = await tracer.startActiveSpan("POST /orders", async (span) => {
  const started = await coordinator.start({ item: "a lamp" }, { id: "order-7" });
  span.end();
  return started;
});
console.log(await coordinator.waitFor(id));
await coordinator.close();
await provider.forceFlush();

const spans = exporter.getFinishedSpans();
const nameOf = (spanId: string | undefined) => spans.find((span) => span.spanContext().spanId === spanId)?.name ?? "nothing";
for (const { name, attributes, parentSpanContext, links } of spans) {
  const outcome = attributes["actorfleet.outcome"] ?? "";
  console.log(`span: ${name} ${outcome} under ${nameOf(parentSpanContext?.spanId)}, ${links.length} links`);
}
console.log(`traces: ${new Set(spans.map((span) => span.spanContext().traceId)).size}`);
