import type { ExecutionInfo } from "../model/execution.ts";
import type { ExecutionEvent } from "../model/execution-event.ts";
import type { OrchestratorState } from "../model/orchestrator-state.ts";
import type { RunEvent } from "../model/run-event.ts";
import type { SerializedError } from "../model/serialized-error.ts";

/** Records and events as they leave the process: without stack traces, and whatever is in them. */

const maxEventBytes = 65_536;
const largeFields = ["result", "progress", "event", "error"] as const;

/** As in a list. */
export function toListedExecution({ result: _, ...info }: ExecutionInfo): object {
  return info.error === undefined ? info : { ...info, error: withoutStack(info.error) };
}

/** By itself. */
export function toShownExecution(info: ExecutionInfo, orchestrator: OrchestratorState | undefined): object {
  return {
    ...toListedExecution(info),
    ...(info.status === "completed" && { result: info.result }),
    ...(orchestrator !== undefined && { stateValue: orchestrator.value, accepts: orchestrator.accepts }),
  };
}

export function toShownEvent(event: ExecutionEvent): object {
  if (event.type === "execution.reported") return { ...event, event: toShownRunEvent(event.event) };
  return "error" in event ? { ...event, error: withoutStack(event.error) } : event;
}

/** One event of a stream. A large one is sent without what makes it large. */
export function toEventJson(event: ExecutionEvent): string {
  const shown = toShownEvent(event);
  const json = toJson(shown);
  if (json.length <= maxEventBytes) return json;
  const omitted = largeFields.filter((field) => Object.hasOwn(shown, field));
  const rest = Object.fromEntries(Object.entries(shown).filter(([key]) => !omitted.includes(key as never)));
  return JSON.stringify({ ...rest, omitted });
}

function toShownRunEvent(event: RunEvent): object {
  return "error" in event ? { ...event, error: withoutStack(event.error) } : event;
}

function withoutStack({ stack: _, cause, ...error }: SerializedError): SerializedError {
  return cause === undefined ? error : { ...error, cause: withoutStack(cause) };
}

/** JSON of a record or event. What an orchestrator gave as result or progress may have none; then the field says so in its place. */
export function toJson(shown: object): string {
  try {
    return JSON.stringify(shown);
  } catch {
    const fields = Object.entries(shown).map(([key, value]) => [key, toPlain(value)]);
    return JSON.stringify(Object.fromEntries(fields));
  }
}

function toPlain(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? "null");
  } catch (error) {
    return { unserializable: error instanceof Error ? error.message.split("\n", 1)[0] : "it has no JSON" };
  }
}
