export type { AutonomousCoordinatorOptions } from "./core/autonomous-coordinator-options.ts";
export type { RunShown } from "./core/autonomous-machine.ts";
export {
  AutonomousOrchestrator,
  type AutonomousOrchestratorOptions,
  createAutonomousOrchestrator,
  type RunOptions,
  type RunSubscription,
} from "./core/autonomous-orchestrator.ts";
export type { RunKeeper } from "./core/autonomous-run.ts";
export type { ConfigurationDescription } from "./core/configuration-description.ts";
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
export {
  createDurableCoordinator,
  type DurableCoordinator,
  type DurableSendOptions,
  type DurableStartEntry,
} from "./core/durable-coordinator.ts";
export type {
  CheckpointPolicy,
  DurableAutonomousOptions,
  DurableCoordinatorOptions,
  DurableOptions,
  DurableStartOptions,
  RestorePolicy,
} from "./core/durable-options.ts";
export type { ExecutionScope } from "./core/execution-scope.ts";
export { idempotencyKeyOf } from "./core/invoke-entries.ts";
export { listFallback } from "./core/list-fallback.ts";
export type { AnyAutonomousOrchestrator, AnyOrchestrator, InputOf, OutputOf } from "./core/orchestrator.ts";
export type { RateLimit } from "./core/rate-limiter.ts";
export type { RequestFactory } from "./core/run-calls.ts";
export type { ExecutorFunction, OracleFunction, PartFactory, PartOptions, RunIdentity } from "./core/run-parts.ts";
export type { RunStatus } from "./core/run-status.ts";
export type { SupervisorEvent, SupervisorRef, SupervisorSnapshot } from "./core/supervisor.ts";
export { AlreadyRunningError } from "./model/already-running-error.ts";
export type { ApprovalAnswer, ApprovalDecision, ApprovalRequest, Feedback, FeedbackRequest } from "./model/approval.ts";
export type { Checkpoint, CheckpointBudget, CheckpointTimer } from "./model/checkpoint.ts";
export { CheckpointRefusedError, CheckpointTooLargeError, InvokeInterruptedError, YieldedError } from "./model/checkpoint-errors.ts";
export { emptyContextSummary, summariseContext } from "./model/context-summary.ts";
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
export { estimateTokens } from "./model/estimate-tokens.ts";
export type {
  CloseReport,
  ExecutionCounts,
  ExecutionInfo,
  ExecutionPage,
  ExecutionQuery,
  ExecutionState,
  ExecutionStatus,
  ListOrder,
  SendResult,
} from "./model/execution.ts";
export type { EventsOverflowed, ExecutionEvent, ExecutionEventType } from "./model/execution-event.ts";
export { extractJson } from "./model/extract-json.ts";
export type { ApprovalPoint, CompletionMode } from "./model/loop-settings.ts";
export { parseVerdict } from "./model/parse-verdict.ts";
export { defaultInsightSummary, defaultLearningSummary, mapReflection, type Reflection } from "./model/reflection.ts";
export type { Backoff, RetryPolicy } from "./model/retry-policy.ts";
export type { BudgetReason, RunBudget, RunUsage } from "./model/run-budget.ts";
export type { RunCheckpoint } from "./model/run-checkpoint.ts";
export type { ErrorNote, HumanComment, Insight, Learning, RunContext } from "./model/run-context.ts";
export type { RunEvent, RunEventType, RunStopReason } from "./model/run-event.ts";
export type { HistoryEntry } from "./model/run-history.ts";
export type { RunFinalState, RunOutcome } from "./model/run-outcome.ts";
export type { RunRequest, StepResult } from "./model/run-task.ts";
export {
  createSaturationMonitor,
  type SaturationAction,
  type SaturationChange,
  type SaturationLevel,
  type SaturationMonitor,
  type SaturationMonitorOptions,
  type SaturationState,
  type SaturationThresholds,
} from "./model/saturation-monitor.ts";
export type { SerializedError } from "./model/serialized-error.ts";
export { SettingsError, type SettingsErrorCode, type SettingsErrorOptions, type SettingsProblem } from "./model/settings-error.ts";
export {
  ExecutionLostError,
  LeaseLostError,
  MissingDependencyError,
  SchemaVersionError,
  StoreUnavailableError,
  UnsupportedOperationError,
} from "./model/store-errors.ts";
export type { TokenUsage } from "./model/token-usage.ts";
export { type Verdict, verdict } from "./model/verdict.ts";
export type { Clock } from "./ports/clock.ts";
export type { ExecutionQueue } from "./ports/execution-queue.ts";
export type { ExecutionStore } from "./ports/execution-store.ts";
export type { Executor, ExecutorScope } from "./ports/executor.ts";
export type { FallbackContext, FallbackStrategy } from "./ports/fallback-strategy.ts";
export type { FinalIterationContext, FinalIterationStrategy } from "./ports/final-iteration-strategy.ts";
export type { HumanInTheLoop } from "./ports/human-in-the-loop.ts";
export type { Oracle, OracleConfig, OracleQuestion } from "./ports/oracle.ts";
export type { TraceContext, TracedAttempt, TracedStart, Tracing } from "./ports/tracing.ts";
export type { Environment } from "./settings/environment.ts";
export { type LoadSettingsOptions, loadSettings } from "./settings/load-settings.ts";
export { type ParseSettingsOptions, parseSettings } from "./settings/parse-settings.ts";
export { type ResolvedLlm, resolveLlm } from "./settings/resolve-llm.ts";
export { Secret } from "./settings/secret.ts";
export type { LlmSettings, OrchestrationSettings, Settings, SettingsInput } from "./settings/settings-schema.ts";
