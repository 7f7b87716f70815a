import type { AnyCoordinator } from "../core/any-coordinator.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import type { StoreCall } from "./observed-store.ts";
import type { Attributes, MeterApi, ObservableApi } from "./open-telemetry-api.ts";
import { attributeNames, type MetricName, secondsBuckets, telemetryMetrics } from "./telemetry-names.ts";

/** The instruments of one meter. */
export class ExecutionMetrics {
  readonly #meter: MeterApi;
  readonly #common: Attributes;
  readonly #wait;
  readonly #duration;
  readonly #retries;
  readonly #lostLeases;
  readonly #store;

  constructor(meter: MeterApi, common: Attributes) {
    this.#meter = meter;
    this.#common = common;
    this.#wait = this.#histogram("actorfleet.execution.wait");
    this.#duration = this.#histogram("actorfleet.execution.duration");
    this.#retries = meter.createCounter("actorfleet.execution.retries", describe("actorfleet.execution.retries"));
    this.#lostLeases = meter.createCounter("actorfleet.leases.lost", describe("actorfleet.leases.lost"));
    this.#store = this.#histogram("actorfleet.store.duration");
  }

  began(waitedMs: number): void {
    this.#wait.record(Math.max(0, waitedMs) / 1_000, this.#common);
  }

  happened(event: ExecutionEvent): void {
    if (event.type === "execution.retrying") this.#retries.add(1, this.#common);
    if ("durationMs" in event) {
      const outcome = event.type.replace("execution.", "");
      this.#duration.record(event.durationMs / 1_000, { ...this.#common, [attributeNames.outcome]: outcome });
    }
  }

  called({ operation, durationMs, error, lostLeases }: StoreCall): void {
    const outcome = error === undefined ? "answered" : "failed";
    this.#store.record(durationMs / 1_000, { [attributeNames.operation]: operation, [attributeNames.outcome]: outcome });
    if (lostLeases > 0) this.#lostLeases.add(lostLeases);
  }

  /** Shows counts and capacity whenever somebody collects. Gives what ends that. */
  watch({ stats }: AnyCoordinator): () => void {
    const now = () => stats.getSnapshot().context;
    const gauges = [
      this.#gauge("actorfleet.executions", (observe) => {
        const { queued, running, waiting } = now();
        for (const [state, count] of Object.entries({ queued, running: running - waiting, waiting })) observe(count, state);
      }),
      this.#gauge("actorfleet.slots.taken", (observe) => observe(now().slotsTaken)),
      this.#gauge("actorfleet.slots.limit", (observe) => observe(now().maxConcurrent)),
    ];
    return () => {
      for (const stop of gauges) stop();
    };
  }

  #gauge(name: MetricName, read: (observe: (value: number, state?: string) => void) => void): () => void {
    const gauge = this.#meter.createObservableGauge(name, describe(name));
    const callback: Parameters<ObservableApi["addCallback"]>[0] = (result) =>
      read((value, state) => result.observe(value, { ...this.#common, ...(state !== undefined && { [attributeNames.state]: state }) }));
    gauge.addCallback(callback);
    return () => gauge.removeCallback(callback);
  }

  #histogram(name: MetricName) {
    return this.#meter.createHistogram(name, { ...describe(name), advice: { explicitBucketBoundaries: secondsBuckets } });
  }
}

function describe(name: MetricName): { description: string; unit: string } {
  const { meaning, unit } = telemetryMetrics[name];
  return { description: meaning, unit };
}
