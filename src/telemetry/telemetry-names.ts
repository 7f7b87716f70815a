/** Every span with its meaning; the README table is made from it. */
export const telemetrySpans = {
  "execution.start": "a start was accepted for writing; child of whatever was active there, and parent of the others, in every process",
  "execution.attempt": "the orchestrator at work, and active in it; linked to the attempts before it in this process",
  execution: "from `queuedAt` to the end, told by the process in which it ended; linked to its attempts there",
} as const;

/** Every attribute of spans and metrics. */
export const attributeNames = {
  coordinator: "actorfleet.coordinator",
  executionId: "actorfleet.execution.id",
  group: "actorfleet.group",
  attempt: "actorfleet.attempt",
  outcome: "actorfleet.outcome",
  state: "actorfleet.state",
  operation: "actorfleet.operation",
} as const;

interface MetricDescription {
  readonly type: "gauge" | "counter" | "histogram";
  readonly unit: string;
  readonly meaning: string;
  readonly attributes: readonly (keyof typeof attributeNames)[];
}

/** Every metric with its meaning; the README table is made from it. */
export const telemetryMetrics = {
  "actorfleet.executions": {
    ...{ type: "gauge", unit: "{execution}", attributes: ["coordinator", "state"] },
    meaning: "executions of this process that are queued, running or waiting",
  },
  "actorfleet.slots.taken": {
    ...{ type: "gauge", unit: "{slot}", attributes: ["coordinator"] },
    meaning: "slots that are taken in this process",
  },
  "actorfleet.slots.limit": { ...{ type: "gauge", unit: "{slot}", attributes: ["coordinator"] }, meaning: "`maxConcurrent`" },
  "actorfleet.execution.wait": {
    ...{ type: "histogram", unit: "s", attributes: ["coordinator"] },
    meaning: "from `queuedAt` to the first attempt, a delay included",
  },
  "actorfleet.execution.duration": {
    ...{ type: "histogram", unit: "s", attributes: ["coordinator", "outcome"] },
    meaning: "from the first attempt to the end; its count is that of the ends",
  },
  "actorfleet.execution.retries": {
    ...{ type: "counter", unit: "{attempt}", attributes: ["coordinator"] },
    meaning: "failed attempts that are followed by another one",
  },
  "actorfleet.leases.lost": {
    ...{ type: "counter", unit: "{lease}", attributes: [] },
    meaning: "leases that ran out and that a sweep of this process took back",
  },
  "actorfleet.store.duration": {
    ...{ type: "histogram", unit: "s", attributes: ["operation", "outcome"] },
    meaning: "calls of the store",
  },
} as const satisfies Record<string, MetricDescription>;

export type MetricName = keyof typeof telemetryMetrics;

/** Seconds; from a no-op in memory to a day. */
export const secondsBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1_800, 3_600, 14_400, 86_400];
