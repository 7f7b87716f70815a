import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { InspectionEvent, Observer } from "xstate";
import { InvalidOptionsError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import type { RetryPolicy } from "../model/retry-policy.ts";
import type { Clock } from "../ports/clock.ts";
import type { Tracing } from "../ports/tracing.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import { type CoordinatorSnapshot, isCoordinatorSnapshot } from "./coordinator-snapshot.ts";
import type { AnyOrchestrator, InputOf } from "./orchestrator.ts";
import type { RateLimit } from "./rate-limiter.ts";

/** How long the record of an execution that ended is kept. */
export interface Retention {
  /** Removed when it ended more than so long ago; 3 600 000, Infinity = no limit. */
  maxAgeMs?: number;
  /** At most so many; the one that ended first goes first; 10 000, Infinity = no limit. */
  maxCount?: number;
}

/** What is inspected: a function or an observer, as `createActor` takes it. What it throws goes to `onError`. */
export type InspectionObserver = Observer<InspectionEvent> | ((event: InspectionEvent) => void);

/** Settings of `createCoordinator`. Spans are milliseconds. */
export interface CoordinatorOptions<O extends AnyOrchestrator> {
  /** What each execution does: an async function, an XState machine or an autonomous orchestrator. */
  orchestrator: O;
  /** For every execution, unless its start says otherwise. */
  settings?: SettingsInput;
  /** How many executions hold a slot at the same time; 10. */
  maxConcurrent?: number;
  /** How many may wait in `queued`; Infinity. 0 refuses a start for which no slot is free. */
  maxQueued?: number;
  /** How many of one group hold a slot at the same time; no limit. A function is asked at each start of its group. */
  maxConcurrentPerGroup?: number | ((group: string) => number);
  /** How many attempts begin within any span of `intervalMs`; no limit. */
  rateLimit?: RateLimit;
  /** What happens after a failed attempt; by default the execution fails. */
  retry?: RetryPolicy;
  /** How long an attempt may run, time in `running.waiting` not counted; no limit. */
  timeoutMs?: number;
  /** How long an orchestrator that was asked to stop may take before its slot is given to others; 30 000. */
  cancelGraceMs?: number;
  retention?: Retention;
  /** Checks and may change each input; any schema library that implements Standard Schema. */
  inputSchema?: StandardSchemaV1<unknown, InputOf<O>>;
  /** What `supervisor.getPersistedSnapshot()` of an earlier coordinator gave: its unfinished executions are queued again. */
  snapshot?: CoordinatorSnapshot;
  inspect?: InspectionObserver;
  /** Follows executions from their starts to their attempts, through processes; `createOpenTelemetry` of `actorfleet/telemetry` makes one. */
  tracing?: Tracing;
  /** The machine's time. */
  clock?: Clock;
  /** nanoid, 21 characters; of a durable coordinator 24, of which the first 8 are the time, so that a store's index grows at its end. */
  generateId?: () => string;
  /** Drawn from for jitter: [0, 1); Math.random. */
  random?: () => number;
  /** Told what listeners, inspectors, `retryIf` and the like throw; nothing is done by default. */
  onError?: (error: unknown) => void;
}

/** Settings of one start. */
export interface StartOptions {
  /** By default generated. Refused while a record with this id exists. */
  id?: string;
  /** A second start with the same key and an equal input gives the id of the first, while its record exists. */
  idempotencyKey?: string;
  /** Higher goes first; 0. */
  priority?: number;
  /** Field by field over those of the coordinator, for instance what `loadSettings` gave. */
  settings?: SettingsInput;
  /** Groups take turns among equals, and may have limits of their own. */
  group?: string;
  tags?: readonly string[];
  /** Earliest begin, from now; 0. */
  delayMs?: number;
  timeoutMs?: number;
  retry?: Omit<RetryPolicy, "retryIf">;
  /** Cancels the execution when aborted; already aborted, the start is refused. */
  signal?: AbortSignal;
}

const backoffCheck = check.fields({
  type: check.oneOf("exponential"),
  delayMs: check.milliseconds,
  factor: check.numberBetween(1, Number.MAX_VALUE),
  maxDelayMs: check.milliseconds,
  jitter: check.numberBetween(0, 1),
});

const retryFields = {
  maxAttempts: check.wholeNumber(1, "infinity"),
  backoff: backoffCheck,
  onRetry: check.oneOf("restart", "resume"),
};

const orchestratorCheck: check.OptionCheck = (value, field) => {
  const isMachine = typeof value === "object" && value !== null && "config" in value && "transition" in value;
  if (!isMachine && typeof value !== "function" && !(value instanceof AutonomousOrchestrator)) {
    throw new InvalidOptionsError({
      field,
      expected: "an async function, an XState machine or an autonomous orchestrator",
      received: value,
    });
  }
};

const coordinatorOptionsCheck = check.fields(
  {
    orchestrator: orchestratorCheck,
    settings: check.having(),
    maxConcurrent: check.wholeNumber(1),
    maxQueued: check.wholeNumber(0, "infinity"),
    maxConcurrentPerGroup: check.either("a whole number >= 1 or a function of the group", check.wholeNumber(1), check.callable),
    rateLimit: check.fields({ limit: check.wholeNumber(1), intervalMs: check.positiveMilliseconds }, ["limit", "intervalMs"]),
    retry: check.fields({ ...retryFields, retryIf: check.callable }),
    timeoutMs: check.positiveMilliseconds,
    cancelGraceMs: check.milliseconds,
    retention: check.fields({
      maxAgeMs: check.numberBetween(0, Number.POSITIVE_INFINITY),
      maxCount: check.wholeNumber(0, "infinity"),
    }),
    inputSchema: (value, field) => {
      const standard = (value as { "~standard"?: { validate?: unknown } } | null)?.["~standard"];
      if (typeof standard?.validate !== "function") {
        throw new InvalidOptionsError({ field, expected: "a schema that implements Standard Schema", received: value });
      }
    },
    snapshot: (value, field) => {
      if (!isCoordinatorSnapshot(value)) {
        throw new InvalidOptionsError({ field, expected: "what supervisor.getPersistedSnapshot() gave", received: value });
      }
    },
    inspect: check.either("a function or an observer with next", check.callable, check.having("next")),
    tracing: check.having("started", "attempt"),
    clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
    generateId: check.callable,
    random: check.callable,
    onError: check.callable,
  },
  ["orchestrator"],
);

const startOptionsCheck = check.fields({
  id: check.text,
  idempotencyKey: check.text,
  priority: check.finiteNumber,
  settings: check.having(),
  group: check.text,
  tags: check.listOf(check.text),
  delayMs: check.milliseconds,
  timeoutMs: check.positiveMilliseconds,
  retry: check.fields(retryFields),
  signal: check.abortSignal,
});

/** Throws `InvalidOptionsError` naming the first wrong field. */
export function checkCoordinatorOptions(options: unknown): void {
  coordinatorOptionsCheck(options, "options");
}

/** Throws `InvalidOptionsError` naming the first wrong field. */
export function checkStartOptions(options: unknown, where: string): void {
  startOptionsCheck(options, where);
}
