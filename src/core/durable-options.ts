import type { Checkpoint } from "../model/checkpoint.ts";
import { InvalidOptionsError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import type { RunRequest, StepResult } from "../model/run-task.ts";
import { isStorableName } from "../model/stored-execution.ts";
import type { ExecutionQueue } from "../ports/execution-queue.ts";
import type { ExecutionStore, StoreCapabilities } from "../ports/execution-store.ts";
import { resolveSettings } from "../settings/resolve-settings.ts";
import type { SettingsInput } from "../settings/settings-schema.ts";
import type { AutonomousCoordinatorOptions } from "./autonomous-coordinator-options.ts";
import { type CoordinatorOptions, checkCoordinatorOptions, checkStartOptions, type StartOptions } from "./coordinator-options.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";

/** How a machine goes on from its checkpoint. */
export interface RestorePolicy {
  /** When pending timers are due: at the instant they were due at, after what was left of them, or after their whole delay; `absolute`. */
  timers?: "absolute" | "remaining" | "restart";
  /** What becomes of invokes that were in flight: begun again (they may run more than once), or told as failed; `rerun`. */
  invokes?: "rerun" | "fail";
  /** Makes a checkpoint of another machine version fit this one; with it, the worker claims every version. */
  migrate?(checkpoint: Checkpoint): Checkpoint;
}

/** When a machine is saved: after every macrostep, when it is in a state tagged `checkpoint`, or at most once per span. */
export type CheckpointPolicy = "every" | "tagged" | { throttleMs: number };

/** What a durable coordinator has beside the settings of every coordinator. */
export interface DurableOptions {
  /** One kind of coordinator per name; all processes of it share their executions. */
  name: string;
  store: ExecutionStore;
  /**
   * Tells workers of other processes what there is to run, where the store is not to be asked for that all the time. Without one, the store
   * is its own queue. Closing it is left to who made it.
   */
  queue?: ExecutionQueue;
  /** Names this process in leases; by default generated. No two live processes may have the same. */
  workerId?: string;
  /** `client` starts and asks, `worker` runs, `both` does both; `both`. */
  role?: "both" | "client" | "worker";
  /** How long a claim stays valid unless it is renewed, which happens every third of it; 30 000. */
  leaseMs?: number;
  /** How often the store is asked although it told nothing; 500. */
  pollMs?: number;
  /** How often an execution may lose its worker before it is failed with `ExecutionLostError`; 3. */
  maxTakeovers?: number;
  /** Of the orchestrator, saved with each checkpoint; a worker goes on only with checkpoints of its own version, unless it can `migrate`. */
  machineVersion?: string;
  restore?: RestorePolicy;
  /** `every`. */
  checkpoint?: CheckpointPolicy;
  /** How many of its newest events an execution keeps in the store, for `history`; 0 = none are written. */
  maxStoredEvents?: number;
  /** A larger checkpoint fails the execution with `CheckpointTooLargeError`; 1 048 576. */
  maxCheckpointBytes?: number;
}

/** Settings of `createDurableCoordinator`. */
export type DurableCoordinatorOptions<O extends AnyOrchestrator> = Omit<CoordinatorOptions<O>, "snapshot"> & DurableOptions;

/** A durable coordinator of autonomous runs, given the parts instead of an orchestrator. */
export type DurableAutonomousOptions<Input extends RunRequest, Step extends StepResult> = Omit<
  AutonomousCoordinatorOptions<Input, Step>,
  "snapshot"
> &
  DurableOptions;

/** Settings of one durable start. */
export interface DurableStartOptions extends StartOptions {
  /**
   * Writes with this transaction of the caller, so that the execution exists if and only if the caller's data does: a database client in a
   * transaction, or the handle of `store.transaction`. The input is then checked synchronously, and nothing is repeated.
   */
  transaction?: unknown;
}

const storeMethods = [
  "insert",
  "get",
  "list",
  "counts",
  "claim",
  "renew",
  "checkpoint",
  "settle",
  "requestCancel",
  "watch",
  "sweep",
  "close",
];

/** Every store can hold it, and no two are one to a store or a queue. */
export const coordinatorName: check.OptionCheck = (value, field) => {
  check.text(value, field);
  if (isStorableName(value as string)) return;
  throw new InvalidOptionsError({ field, expected: "a text of at most 512, without NUL and halves of characters", received: value });
};

const durableChecks: Readonly<Record<keyof DurableOptions, check.OptionCheck>> = {
  name: coordinatorName,
  store: check.having(...storeMethods),
  queue: check.having("publish", "consume"),
  workerId: check.text,
  role: check.oneOf("both", "client", "worker"),
  leaseMs: check.wholeMilliseconds(1),
  pollMs: check.positiveMilliseconds,
  maxTakeovers: check.wholeNumber(0, "infinity"),
  machineVersion: check.text,
  restore: check.fields({
    timers: check.oneOf("absolute", "remaining", "restart"),
    invokes: check.oneOf("rerun", "fail"),
    migrate: check.callable,
  }),
  checkpoint: check.either(
    "every, tagged or { throttleMs }",
    check.oneOf("every", "tagged"),
    check.fields({ throttleMs: check.positiveMilliseconds }),
  ),
  maxStoredEvents: check.wholeNumber(0),
  maxCheckpointBytes: check.wholeNumber(1, "infinity"),
};

/** Spans that are written to the store, here and in starts. */
function checkStoredSpans({ delayMs, timeoutMs, retry }: Pick<StartOptions, "delayMs" | "timeoutMs" | "retry">, where: string): void {
  if (delayMs !== undefined) storedDelay(delayMs, `${where}delayMs`);
  if (timeoutMs !== undefined) storedTimeout(timeoutMs, `${where}timeoutMs`);
  const { delayMs: firstDelayMs, maxDelayMs } = retry?.backoff ?? {};
  if (firstDelayMs !== undefined) storedDelay(firstDelayMs, `${where}retry.backoff.delayMs`);
  if (maxDelayMs !== undefined) storedDelay(maxDelayMs, `${where}retry.backoff.maxDelayMs`);
}

const storedDelay = check.wholeMilliseconds(0);
const storedTimeout = check.wholeMilliseconds(1);

/** Throws `InvalidOptionsError` naming the first wrong field. */
export function checkDurableOptions(options: unknown): void {
  if (typeof options !== "object" || options === null) {
    throw new InvalidOptionsError({ field: "options", expected: "an object", received: options });
  }
  const durable: Record<string, unknown> = {};
  const others: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (Object.hasOwn(durableChecks, key)) durable[key] = value;
    else others[key] = value;
  }
  if (others.snapshot !== undefined) {
    throw new InvalidOptionsError({ field: "snapshot", expected: "nothing: the store remembers", received: others.snapshot });
  }
  checkCoordinatorOptions(others);
  checkStoredSpans(others as Pick<StartOptions, "timeoutMs" | "retry">, "");
  check.fields(durableChecks)(durable, "options");
  coordinatorName(durable.name, "name");
  durableChecks.store(durable.store, "store");
  if (others.settings !== undefined) resolveSettings(others.settings as SettingsInput);
  checkCapabilities((durable.store as ExecutionStore).capabilities, others);
}

/** What a store cannot keep is refused here, and not by its claims later. */
function checkCapabilities(
  capabilities: StoreCapabilities,
  { maxConcurrentPerGroup, rateLimit }: { maxConcurrentPerGroup?: unknown; rateLimit?: unknown },
): void {
  const expected = "nothing: this store does not keep such a limit, as its capabilities say";
  if (maxConcurrentPerGroup !== undefined && !capabilities.groupLimits)
    throw new InvalidOptionsError({ field: "maxConcurrentPerGroup", expected, received: maxConcurrentPerGroup });
  if (rateLimit !== undefined && !capabilities.rateLimits)
    throw new InvalidOptionsError({ field: "rateLimit", expected, received: rateLimit });
}

/** Throws `InvalidOptionsError` naming the first wrong field. */
export function checkDurableStartOptions(options: DurableStartOptions, where: string): void {
  check.object(options, where);
  const { transaction: _, ...others } = options;
  checkStartOptions(others, where);
  checkStoredSpans(others, where === "options" ? "" : `${where}.`);
}
