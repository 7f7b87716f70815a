import { ActorfleetError } from "../model/errors.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import { toSerializedError } from "../model/serialized-error.ts";
import type { TraceContext, TracedAttempt, TracedStart } from "../ports/tracing.ts";
import {
  type Attributes,
  errorStatus,
  type OpenTelemetryApi,
  type SpanApi,
  type SpanContextApi,
  spanKind,
  type TracerApi,
} from "./open-telemetry-api.ts";
import { attributeNames } from "./telemetry-names.ts";

/** What is known in this process of an execution that has not ended. */
interface LiveExecution {
  readonly trace: TraceContext | undefined;
  readonly queuedAt: number;
  readonly attributes: Attributes;
  readonly attempts: SpanContextApi[];
  current: SpanApi | undefined;
}

/** Executions that end elsewhere are not told here; the oldest are forgotten. */
const maxLive = 100_000;
const maxLinks = 100;

/** What ended an attempt without its having failed. */
const gentleEnds: Readonly<Record<string, string>> = {
  EXECUTION_CANCELLED: "cancelled",
  COORDINATOR_CLOSED: "released",
  YIELDED: "released",
};

/** Spans of starts, attempts and executions. */
export class ExecutionSpans {
  readonly #api: OpenTelemetryApi;
  readonly #tracer: TracerApi;
  readonly #common: Attributes;
  readonly #now: () => number;
  readonly #live = new Map<string, LiveExecution>();

  constructor(api: OpenTelemetryApi, tracer: TracerApi, common: Attributes, now: () => number) {
    this.#api = api;
    this.#tracer = tracer;
    this.#common = common;
    this.#now = now;
  }

  started({ executionId, group }: TracedStart): TraceContext | undefined {
    const { context, trace, propagation } = this.#api;
    const attributes = this.#attributesOf(executionId, group);
    const around = context.active();
    const span = this.#tracer.startSpan("execution.start", { kind: spanKind.producer, attributes }, around);
    const carrier: Record<string, string> = {};
    propagation.inject(trace.setSpan(around, span), carrier);
    span.end();
    const carried = Object.keys(carrier).length === 0 ? undefined : carrier;
    this.#remember(executionId, { trace: carried, queuedAt: this.#now(), attributes, attempts: [], current: undefined });
    return carried;
  }

  attempt({ executionId, group, attempt, queuedAt, trace }: TracedAttempt, begin: () => { readonly result: Promise<unknown> }): void {
    const { context, trace: traces } = this.#api;
    const known = this.#live.get(executionId);
    const attributes = this.#attributesOf(executionId, group);
    const live: LiveExecution = { trace, queuedAt, attributes, attempts: known?.attempts ?? [], current: undefined };
    const parent = this.#parentOf(live);
    const links = live.attempts.slice(-maxLinks).map((before) => ({ context: before }));
    const own = { ...attributes, [attributeNames.attempt]: attempt };
    const span = this.#tracer.startSpan("execution.attempt", { kind: spanKind.consumer, attributes: own, links }, parent);
    live.attempts.push(span.spanContext());
    live.current = span;
    this.#remember(executionId, live);
    const end = (outcome: string, error?: unknown) => this.#endAttempt(executionId, live, span, outcome, error);
    let result: Promise<unknown>;
    try {
      ({ result } = context.with(traces.setSpan(parent, span), begin));
    } catch (error) {
      end(outcomeOf(error), error);
      throw error;
    }
    result.then(
      () => end("completed"),
      (error) => end(outcomeOf(error), error),
    );
  }

  happened(event: ExecutionEvent): void {
    const live = this.#live.get(event.executionId);
    if (live === undefined) return;
    const { type } = event;
    if (type === "execution.waiting" || type === "execution.continued") live.current?.addEvent(type);
    if (type === "execution.signalled") live.current?.addEvent(type, { signal: event.signal });
    if (!("durationMs" in event)) return;
    const outcome = type.replace("execution.", "");
    // Its orchestrator has not settled, and nobody waits for it any more.
    live.current?.setAttributes({ [attributeNames.outcome]: "abandoned" });
    live.current?.end();
    live.current = undefined;
    this.#live.delete(event.executionId);
    const span = this.#tracer.startSpan(
      "execution",
      {
        kind: spanKind.internal,
        // Clocks of two machines may differ.
        startTime: new Date(Math.min(live.queuedAt, event.at)),
        attributes: { ...live.attributes, [attributeNames.attempt]: event.attempt, [attributeNames.outcome]: outcome },
        links: live.attempts.slice(-maxLinks).map((attempt) => ({ context: attempt })),
      },
      this.#parentOf(live),
    );
    if (type === "execution.failed") {
      const { name, message } = event.error;
      span.recordException({ name, message });
      span.setStatus({ code: errorStatus, message });
    }
    span.end(new Date(event.at));
  }

  #endAttempt(executionId: string, live: LiveExecution, span: SpanApi, outcome: string, error: unknown): void {
    if (live.current !== span) return;
    live.current = undefined;
    span.setAttributes({ [attributeNames.outcome]: outcome });
    if (outcome === "failed" || outcome === "lost") {
      const { name, message, stack } = toSerializedError(error);
      span.recordException({ name, message, ...(stack !== undefined && { stack }) });
      span.setStatus({ code: errorStatus, message });
    }
    span.end();
    // Another process goes on with it, and tells how it ends.
    if ((outcome === "released" || outcome === "lost") && this.#live.get(executionId) === live) this.#live.delete(executionId);
  }

  #parentOf({ trace }: LiveExecution) {
    const { propagation, ROOT_CONTEXT } = this.#api;
    return trace === undefined ? ROOT_CONTEXT : propagation.extract(ROOT_CONTEXT, trace);
  }

  #attributesOf(executionId: string, group: string | undefined): Attributes {
    return { ...this.#common, [attributeNames.executionId]: executionId, ...(group !== undefined && { [attributeNames.group]: group }) };
  }

  #remember(executionId: string, live: LiveExecution): void {
    this.#live.set(executionId, live);
    if (this.#live.size <= maxLive) return;
    const [oldest] = this.#live.keys();
    if (oldest !== undefined) this.#live.delete(oldest);
  }
}

function outcomeOf(error: unknown): string {
  if (!ActorfleetError.isInstance(error)) return "failed";
  return error.code === "LEASE_LOST" ? "lost" : (gentleEnds[error.code] ?? "failed");
}
