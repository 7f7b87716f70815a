import type { Subscription } from "xstate";
import type { AnyCoordinator } from "../core/any-coordinator.ts";
import { type ExecutionEvent, type ExecutionEventType, executionEventTypes } from "../model/execution-event.ts";
import type { SerializedError } from "../model/serialized-error.ts";

/** How much a line matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** A structured logger, as pino, bunyan and winston's are: fields first, then the message. */
export type EventLogger = { readonly [Level in LogLevel]: (fields: object, message: string) => void };

/** Settings of `logEvents`. */
export interface LogEventsOptions {
  /** Levels other than the usual ones; `false` leaves events of that type out. */
  levels?: Readonly<Partial<Record<ExecutionEventType, LogLevel | false>>>;
}

/** How much each event matters by itself. */
export const eventLevels: Readonly<Record<ExecutionEventType, LogLevel>> = {
  "execution.queued": "debug",
  "execution.started": "info",
  "execution.progressed": "debug",
  "execution.reported": "debug",
  "execution.waiting": "debug",
  "execution.continued": "debug",
  "execution.signalled": "debug",
  "execution.cancelling": "info",
  "execution.timingOut": "warn",
  "execution.retrying": "warn",
  "execution.completed": "info",
  "execution.failed": "error",
  "execution.cancelled": "info",
  "execution.removed": "debug",
};

/**
 * Writes a line for each event of a coordinator. Results, progress and what a run reports stay out of the log: they are as large and as
 * private as the work is.
 *
 * @example
 * ```ts
 * logEvents(coordinator, pino());
 * // {"level":30,"event":"execution.completed","executionId":"7","attempt":1,"durationMs":671,"msg":"ended with a result"}
 * ```
 */
export function logEvents(coordinator: AnyCoordinator, logger: EventLogger, { levels = {} }: LogEventsOptions = {}): Subscription {
  return coordinator.on("*", (event) => {
    const level = levels[event.type] ?? eventLevels[event.type];
    if (level !== false) logger[level](toFields(event), executionEventTypes[event.type]);
  });
}

function toFields(event: ExecutionEvent): object {
  const { type, executionId, attempt } = event;
  const shown = { event: type, executionId, attempt };
  switch (event.type) {
    case "execution.reported":
      return { ...shown, reported: event.event.type, iteration: event.event.iteration };
    case "execution.signalled":
      return { ...shown, signal: event.signal };
    case "execution.cancelling":
      return { ...shown, reason: event.reason };
    case "execution.retrying":
      return { ...shown, delayMs: event.delayMs, err: toLogged(event.error) };
    case "execution.completed":
      return { ...shown, durationMs: event.durationMs };
    case "execution.failed":
      return { ...shown, durationMs: event.durationMs, err: toLogged(event.error) };
    case "execution.cancelled":
      return { ...shown, durationMs: event.durationMs, reason: event.reason };
    default:
      return shown;
  }
}

/** As loggers take an error under `err`. Without a prototype, since pino would show the name of its constructor as that of the error. */
function toLogged({ cause, ...error }: SerializedError): object {
  return Object.assign(Object.create(null), error, cause !== undefined && { cause: toLogged(cause) });
}
