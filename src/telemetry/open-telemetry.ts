import type { Subscription } from "xstate";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { createSystemClock } from "../core/system-clock.ts";
import * as check from "../model/option-check.ts";
import type { Clock } from "../ports/clock.ts";
import type { ExecutionStore } from "../ports/execution-store.ts";
import type { Tracing } from "../ports/tracing.ts";
import { ExecutionMetrics } from "./execution-metrics.ts";
import { ExecutionSpans } from "./execution-spans.ts";
import { observeStore } from "./observed-store.ts";
import type { OpenTelemetryApi } from "./open-telemetry-api.ts";
import { attributeNames } from "./telemetry-names.ts";

/** Settings of `createOpenTelemetry`. */
export interface OpenTelemetryOptions {
  /** Of the coordinator, in spans and metrics; none. */
  name?: string;
  /** The machine's time. */
  clock?: Clock;
}

/** Spans and metrics of one coordinator: give it as `tracing`, and let it observe. */
export interface OpenTelemetry extends Tracing {
  /** Tells the ends and the counts of this coordinator until it is closed or the subscription ends. */
  observe(coordinator: AnyCoordinator): Subscription;
  /** The same store, its calls measured. */
  observeStore<Store extends ExecutionStore>(store: Store): Store;
}

const optionsCheck = check.fields({ name: check.text, clock: check.having("now", "monotonicNow") });

/**
 * Traces and measures executions with the providers that are registered with `@opentelemetry/api`.
 *
 * @example
 * ```ts
 * import * as api from "@opentelemetry/api";
 *
 * const telemetry = createOpenTelemetry(api, { name: "reports" });
 * const store = telemetry.observeStore(createSqliteStore({ filename }));
 * const coordinator = createDurableCoordinator({ name: "reports", store, orchestrator, tracing: telemetry });
 * telemetry.observe(coordinator);
 * ```
 * @throws {InvalidOptionsError}
 */
export function createOpenTelemetry(api: OpenTelemetryApi, options: OpenTelemetryOptions = {}): OpenTelemetry {
  optionsCheck(options, "options");
  const { name, clock = createSystemClock() } = options;
  const common = name === undefined ? {} : { [attributeNames.coordinator]: name };
  const spans = new ExecutionSpans(api, api.trace.getTracer("actorfleet"), common, () => clock.now());
  const metrics = new ExecutionMetrics(api.metrics.getMeter("actorfleet"), common);
  return {
    started: (start) => spans.started(start),
    attempt: (attempt, begin) => {
      if (attempt.attempt === 1) metrics.began(attempt.at - attempt.queuedAt);
      spans.attempt(attempt, begin);
    },
    observe: (coordinator) => {
      const stopWatching = metrics.watch(coordinator);
      const events = coordinator.on("*", (event) => {
        metrics.happened(event);
        spans.happened(event);
      });
      const unsubscribe = () => {
        stopWatching();
        events.unsubscribe();
      };
      coordinator.supervisor.subscribe({ complete: unsubscribe });
      return { unsubscribe };
    },
    observeStore: (store) => observeStore(store, (call) => metrics.called(call), clock),
  };
}
