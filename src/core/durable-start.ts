import type { AnyStateMachine } from "xstate";
import {
  CapacityExceededError,
  DuplicateExecutionError,
  IdempotencyConflictError,
  SerializationError,
  StartAbortedError,
} from "../model/errors.ts";
import { toJsonText } from "../model/json-text.ts";
import { UnsupportedOperationError } from "../model/store-errors.ts";
import type { NewExecution } from "../model/stored-execution.ts";
import type { Writable } from "../model/writable.ts";
import type { InsertReport } from "../ports/store-insert.ts";
import { acceptedInput } from "./accepted-input.ts";
import { AutonomousOrchestrator } from "./autonomous-orchestrator.ts";
import { inputHash } from "./durable-input-hash.ts";
import { checkDurableStartOptions, type DurableCoordinatorOptions, type DurableStartOptions } from "./durable-options.ts";
import { toSettingsText } from "./durable-settings.ts";
import type { AnyOrchestrator } from "./orchestrator.ts";
import { traceOf } from "./traced.ts";

/** Which machine or function an orchestrator is, for the store. */
export function machineIdOf(orchestrator: AnyOrchestrator): string {
  if (orchestrator instanceof AutonomousOrchestrator) return "autonomous";
  return typeof orchestrator === "function" ? "function" : (orchestrator as AnyStateMachine).id;
}

/** What all starts of a coordinator share. */
export interface StartDefaults {
  readonly options: DurableCoordinatorOptions<AnyOrchestrator>;
  readonly machineId: string;
  generateId(): string;
  reportError(error: unknown): void;
}

/**
 * A start as the store takes it. Gives a promise only where the input's schema does.
 *
 * @throws {InvalidOptionsError} {@link InvalidInputError} {@link SerializationError} {@link StartAbortedError}
 */
export function toNewExecution(
  input: unknown,
  options: DurableStartOptions,
  where: string,
  defaults: StartDefaults,
): NewExecution | Promise<NewExecution> {
  checkDurableStartOptions(options, `${where}options`);
  if (options.signal?.aborted) throw new StartAbortedError(options.signal.reason);
  const validated = defaults.options.inputSchema?.["~standard"].validate(input);
  if (!(validated instanceof Promise))
    return withInput(acceptedInput(defaults.options.orchestrator, validated, input), options, where, defaults);
  if (options.transaction !== undefined) {
    throw new UnsupportedOperationError("a start within a transaction cannot wait for an inputSchema that checks asynchronously");
  }
  return validated.then((result) => withInput(acceptedInput(defaults.options.orchestrator, result, input), options, where, defaults));
}

function withInput(input: unknown, options: DurableStartOptions, where: string, defaults: StartDefaults): NewExecution {
  const { id = defaults.generateId(), idempotencyKey, priority = 0, group, tags = [], delayMs = 0 } = options;
  const { options: common, machineId } = defaults;
  const timeoutMs = options.timeoutMs ?? common.timeoutMs;
  const { maxAttempts = 1, backoff, onRetry } = { ...common.retry, ...options.retry };
  const settings = toSettingsText(common, options.settings);
  const trace = traceOf(common.tracing, { executionId: id, group }, defaults.reportError);
  const inputText = toJsonText(input as unknown, `${where}input`) as string | undefined;
  const execution: Writable<NewExecution> = {
    id,
    startToken: defaults.generateId(),
    input: inputText ?? "null",
    priority,
    tags: [...tags],
    maxAttempts: Math.min(maxAttempts, endless),
    maxTakeovers: Math.min(common.maxTakeovers ?? 3, endless),
    delayMs,
    machineId,
  };
  if (settings !== undefined) execution.settings = settings;
  if (group !== undefined) execution.group = group;
  if (timeoutMs !== undefined) execution.timeoutMs = timeoutMs;
  // `retryIf` is code, and stays with the workers.
  if (backoff !== undefined || onRetry !== undefined) execution.retry = JSON.stringify({ backoff, onRetry });
  if (trace !== undefined) execution.trace = JSON.stringify(trace);
  if (idempotencyKey !== undefined) {
    execution.idempotencyKey = idempotencyKey;
    execution.inputHash = inputHash(inputText);
  }
  return execution;
}

/** Stores count in 32 bits: more than that is without end. */
export const endless = 2_147_483_647;

/**
 * The id of what was started, now or earlier with the same idempotency key.
 *
 * @throws {DuplicateExecutionError} {@link IdempotencyConflictError} {@link CapacityExceededError} {@link SerializationError}
 */
export function startedId(execution: NewExecution, report: InsertReport, limits: { maxConcurrent: number; maxQueued: number }): string {
  if (report.inserted) return report.id;
  switch (report.reason) {
    case "existing":
      return report.existingId;
    case "conflict":
      throw new IdempotencyConflictError(execution.idempotencyKey as string, report.existingId);
    case "duplicate":
      throw new DuplicateExecutionError(report.existingId);
    case "full":
      throw new CapacityExceededError({ ...limits, queued: report.queued });
    case "unstorable":
      throw new SerializationError("the start", `the store cannot keep it: ${report.detail}`);
    case "atomic":
      throw new Error("another start of the batch was refused, and its reason should have been told");
  }
}

/** The report that says why an atomic insert wrote nothing; undefined when it wrote. */
export function refusalOf(reports: readonly InsertReport[]): number {
  return reports.findIndex((report) => !report.inserted && report.reason !== "atomic" && report.reason !== "existing");
}
