// Everything of the library that the cases drive: public names only.

export { type AutonomousOrchestrator, createAutonomousOrchestrator } from "../../src/core/autonomous-orchestrator.ts";
export type { StartOptions } from "../../src/core/coordinator-options.ts";
export { listFallback } from "../../src/core/list-fallback.ts";
export {
  CapacityExceededError,
  type Coordinator,
  CoordinatorClosedError,
  createCoordinator,
  DuplicateExecutionError,
  type ExecutionEvent,
  type ExecutionInfo,
  type ExecutionStatus,
  InvalidInputError,
  InvalidOptionsError,
  StartAbortedError,
} from "../../src/index.ts";
export { AlreadyRunningError } from "../../src/model/already-running-error.ts";
export type { ApprovalAnswer, Feedback, FeedbackRequest } from "../../src/model/approval.ts";
export { emptyContextSummary, summariseContext } from "../../src/model/context-summary.ts";
export { estimateTokens } from "../../src/model/estimate-tokens.ts";
export { extractJson } from "../../src/model/extract-json.ts";
export { parseVerdict } from "../../src/model/parse-verdict.ts";
export { defaultInsightSummary, defaultLearningSummary, mapReflection } from "../../src/model/reflection.ts";
export type { RunCheckpoint } from "../../src/model/run-checkpoint.ts";
export type { RunEvent } from "../../src/model/run-event.ts";
export type { HistoryEntry } from "../../src/model/run-history.ts";
export type { RunOutcome } from "../../src/model/run-outcome.ts";
export type { StepResult } from "../../src/model/run-task.ts";
export { createSaturationMonitor, type SaturationMonitor, type SaturationThresholds } from "../../src/model/saturation-monitor.ts";
export { SettingsError } from "../../src/model/settings-error.ts";
export { type Verdict, verdict } from "../../src/model/verdict.ts";
export type { FallbackStrategy } from "../../src/ports/fallback-strategy.ts";
export type { FinalIterationStrategy } from "../../src/ports/final-iteration-strategy.ts";
export type { HumanInTheLoop } from "../../src/ports/human-in-the-loop.ts";
export type { Oracle } from "../../src/ports/oracle.ts";
export type { Environment } from "../../src/settings/environment.ts";
export { loadSettings } from "../../src/settings/load-settings.ts";
export { parseSettings } from "../../src/settings/parse-settings.ts";
export { resolveLlm } from "../../src/settings/resolve-llm.ts";
export type { Settings, SettingsInput } from "../../src/settings/settings-schema.ts";
export { VirtualClock } from "../../src/testing/index.ts";
