import { UnknownWordError } from "./conformance-case.ts";

/** `StoppedByUser` → `stoppedByUser`. */
export function toCamelCase(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

/** `stoppedByUser` → `StoppedByUser`: the spelling of states, events, modes and points in cases. */
export function toPascalCase(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

const eventTypes = new Set(
  (
    "Started Paused Resumed Stopped Completed Error TaskEnqueued TaskStarted TaskOutput TaskCompleted TaskFailed QueueEmpty " +
    "IterationStarted IterationCompleted MaxIterationsReached AutoContinuing OracleVerifying OracleVerified OracleRetrying OracleComplete " +
    "OracleError HistoryEntryAdded CheckpointCreated CheckpointRestored HumanApprovalRequested HumanApprovalReceived HumanApprovalTimeout " +
    "HumanFeedbackRequested HumanFeedbackReceived ContextUpdated ReflectionCaptured FinalIterationApproaching RequestModified " +
    "ForcedCompletion RetryAttempt FallbackTriggered FallbackSucceeded FallbackFailed"
  ).split(" "),
);

/** The same text if it names an event of a run; otherwise the case that uses it fails. */
export function eventTypeName(name: unknown, where: string): string {
  if (typeof name !== "string" || !eventTypes.has(name)) throw new UnknownWordError(`${where}: event ${JSON.stringify(name)}`);
  return name;
}
