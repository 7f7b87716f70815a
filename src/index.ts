export {
  type CloseOptions,
  type Coordinator,
  createCoordinator,
  type EventOfType,
  type StartEntry,
} from "./core/coordinator.ts";
export type { CoordinatorOptions, InspectionObserver, Retention, StartOptions } from "./core/coordinator-options.ts";
export type { CoordinatorSnapshot, PersistedExecution, PersistedRecord } from "./core/coordinator-snapshot.ts";
export type { CoordinatorStats, StatsStore } from "./core/coordinator-stats.ts";
export type { ExecutionScope } from "./core/execution-scope.ts";
export type { AnyOrchestrator, InputOf, OutputOf } from "./core/orchestrator.ts";
export type { RateLimit } from "./core/rate-limiter.ts";
export type { SupervisorEvent, SupervisorRef, SupervisorSnapshot } from "./core/supervisor.ts";
export {
  ActorfleetError,
  CapacityExceededError,
  CoordinatorClosedError,
  DuplicateExecutionError,
  ExecutionCancelledError,
  ExecutionFailedError,
  ExecutionNotFoundError,
  ExecutionTimeoutError,
  IdempotencyConflictError,
  type InputIssue,
  InvalidInputError,
  InvalidOptionsError,
  NonRetryableError,
  SerializationError,
  StartAbortedError,
  WaitTimeoutError,
} from "./model/errors.ts";
export type {
  CloseReport,
  ExecutionCounts,
  ExecutionInfo,
  ExecutionPage,
  ExecutionQuery,
  ExecutionState,
  ExecutionStatus,
  SendResult,
} from "./model/execution.ts";
export type { EventsOverflowed, ExecutionEvent, ExecutionEventType } from "./model/execution-event.ts";
export type { Backoff, RetryPolicy } from "./model/retry-policy.ts";
export type { SerializedError } from "./model/serialized-error.ts";
export type { Clock } from "./ports/clock.ts";
