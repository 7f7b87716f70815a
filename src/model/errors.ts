import type { SerializedError } from "./serialized-error.ts";

const mark = Symbol.for("actorfleet.error");

/** The root of every error this library throws. `code` is stable; messages are for people and may change. */
export abstract class ActorfleetError extends Error {
  abstract readonly code: string;
  readonly [mark] = true;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }

  /** True for errors of any copy of this library in the process, where `instanceof` may fail. */
  static isInstance(value: unknown): value is ActorfleetError {
    return typeof value === "object" && value !== null && mark in value;
  }
}

interface FieldProblem {
  /** Path of the field, for example `retry.backoff.delayMs`. */
  field: string;
  /** What would have been right, in words. */
  expected: string;
  /** What came. */
  received: unknown;
}

/** An option has a value it cannot have: names the field, what was expected and what came. */
export class InvalidOptionsError extends ActorfleetError {
  readonly code = "OPTIONS_INVALID";
  readonly field: string;
  readonly expected: string;
  declare readonly received: unknown;

  constructor({ field, expected, received }: FieldProblem) {
    super(`${field}: expected ${expected}, got ${describeValue(received)}`);
    this.field = field;
    this.expected = expected;
    // Not shown with the error: an object may hold a secret.
    Object.defineProperty(this, "received", { value: received, enumerable: typeof received !== "object" });
  }
}

/** One reason why an input was refused. */
export interface InputIssue {
  message: string;
  /** Where in the input; empty for the whole. */
  path: readonly PropertyKey[];
}

/** The input of a start was refused by `inputSchema`; nothing was started. */
export class InvalidInputError extends ActorfleetError {
  readonly code = "INPUT_INVALID";
  readonly issues: readonly InputIssue[];

  constructor(issues: readonly InputIssue[]) {
    const lines = issues.map(({ path, message }) => `${["input", ...path].map(String).join(".")}: ${message}`);
    super(lines.join("; "));
    this.issues = issues;
  }
}

/** No slot is free and the queue is full; nothing was started. */
export class CapacityExceededError extends ActorfleetError {
  readonly code = "CAPACITY_EXCEEDED";
  readonly maxConcurrent: number;
  readonly maxQueued: number;
  readonly queued: number;

  constructor({ maxConcurrent, maxQueued, queued }: { maxConcurrent: number; maxQueued: number; queued: number }) {
    super(`no room: maxConcurrent ${maxConcurrent} is used up or held back, and ${queued} of maxQueued ${maxQueued} wait already`);
    this.maxConcurrent = maxConcurrent;
    this.maxQueued = maxQueued;
    this.queued = queued;
  }
}

/** The id given to a start belongs to an execution whose record still exists. */
export class DuplicateExecutionError extends ActorfleetError {
  readonly code = "EXECUTION_DUPLICATE";
  readonly executionId: string;

  constructor(executionId: string) {
    super(`an execution with id ${JSON.stringify(executionId)} exists already; ids are not reused while the record is kept`);
    this.executionId = executionId;
  }
}

/** The idempotency key of a start belongs to an execution that was started with another input. */
export class IdempotencyConflictError extends ActorfleetError {
  readonly code = "IDEMPOTENCY_CONFLICT";
  readonly idempotencyKey: string;
  readonly executionId: string;

  constructor(idempotencyKey: string, executionId: string) {
    super(`idempotency key ${JSON.stringify(idempotencyKey)} was used for execution ${JSON.stringify(executionId)} with another input`);
    this.idempotencyKey = idempotencyKey;
    this.executionId = executionId;
  }
}

/** The signal given to a start was aborted before the start; nothing was started. */
export class StartAbortedError extends ActorfleetError {
  readonly code = "START_ABORTED";

  constructor(cause: unknown) {
    super("the signal of this start was aborted already", { cause });
  }
}

/** The coordinator is closing or closed: it takes no new work, and gives none of what it released an end. */
export class CoordinatorClosedError extends ActorfleetError {
  readonly code = "COORDINATOR_CLOSED";

  constructor(what = "the coordinator is closed and takes no new executions") {
    super(what);
  }
}

/** No record has this id: it never existed, or retention or `cleanup` removed it. */
export class ExecutionNotFoundError extends ActorfleetError {
  readonly code = "EXECUTION_NOT_FOUND";
  readonly executionId: string;

  constructor(executionId: string) {
    super(`no execution has the id ${JSON.stringify(executionId)}`);
    this.executionId = executionId;
  }
}

/** The execution ended as cancelled. */
export class ExecutionCancelledError extends ActorfleetError {
  readonly code = "EXECUTION_CANCELLED";
  readonly executionId: string;
  readonly reason: string | undefined;

  constructor(executionId: string, reason?: string) {
    super(`execution ${JSON.stringify(executionId)} was cancelled${reason === undefined ? "" : `: ${reason}`}`);
    this.executionId = executionId;
    this.reason = reason;
  }
}

/** An attempt ran longer than its `timeoutMs`. */
export class ExecutionTimeoutError extends ActorfleetError {
  readonly code = "EXECUTION_TIMEOUT";
  readonly executionId: string;
  readonly timeoutMs: number;

  constructor(executionId: string, timeoutMs: number) {
    super(`execution ${JSON.stringify(executionId)} ran longer than timeoutMs ${timeoutMs}`);
    this.executionId = executionId;
    this.timeoutMs = timeoutMs;
  }
}

/** The execution ended as failed. `cause` is the error that was thrown, `error` the same as data. */
export class ExecutionFailedError extends ActorfleetError {
  readonly code = "EXECUTION_FAILED";
  readonly executionId: string;
  readonly error: SerializedError;

  constructor(executionId: string, error: SerializedError, cause?: unknown) {
    super(`execution ${JSON.stringify(executionId)} failed: ${error.message}`, { cause: cause ?? error });
    this.executionId = executionId;
    this.error = error;
  }
}

/** Thrown by an orchestrator to say that another attempt would be of no use. */
export class NonRetryableError extends ActorfleetError {
  readonly code = "NON_RETRYABLE";
}

/** `waitFor` gave up after its own `timeoutMs`; the execution goes on. */
export class WaitTimeoutError extends ActorfleetError {
  readonly code = "WAIT_TIMEOUT";
  readonly executionId: string;
  readonly timeoutMs: number;

  constructor(executionId: string, timeoutMs: number) {
    super(`execution ${JSON.stringify(executionId)} had not ended after ${timeoutMs} ms; it goes on`);
    this.executionId = executionId;
    this.timeoutMs = timeoutMs;
  }
}

/** A value cannot be written as JSON: names the execution and the path of the value. */
export class SerializationError extends ActorfleetError {
  readonly code = "SERIALIZATION_FAILED";
  readonly field: string;

  constructor(field: string, why: string, cause?: unknown) {
    super(`${field} cannot be written as JSON: ${why}`, cause === undefined ? undefined : { cause });
    this.field = field;
  }
}

function describeValue(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "bigint" ? `${value}n` : String(value);
}
