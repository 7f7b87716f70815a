import {
  AlreadyRunningError,
  CapacityExceededError,
  CoordinatorClosedError,
  DuplicateExecutionError,
  InvalidInputError,
  InvalidOptionsError,
  SettingsError,
  StartAbortedError,
} from "./library.ts";
import { Forms } from "./matcher.ts";

/** An error in the words of cases: a kind, and what its class knows beyond the message. */
export function errorFields(error: unknown): Readonly<Record<string, unknown>> {
  const { maxConcurrent, path, line, column, nearestKey, message } = error as Partial<Record<string, unknown>>;
  return { kind: errorKind(error), maxConcurrent, path, line, column, nearestKey, message };
}

/** The name that cases have for this class of errors; an error that they have no name for is shown with its text. */
export function errorKind(error: unknown): unknown {
  if (error instanceof SettingsError) return error.code === "SETTINGS_FILE_NOT_FOUND" ? "FileNotFound" : "SettingsError";
  if (error instanceof CapacityExceededError) return "CapacityExceeded";
  if (error instanceof CoordinatorClosedError) return "ShuttingDown";
  if (error instanceof AlreadyRunningError) return "AlreadyRunning";
  if (error instanceof StartAbortedError) return "Aborted";
  if (error instanceof InvalidOptionsError || error instanceof InvalidInputError) return new Forms("InvalidArgument", "InvalidOptions");
  if (error instanceof DuplicateExecutionError) return "DuplicateExecution";
  return String(error);
}
