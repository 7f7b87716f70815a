import { ActorfleetError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly statusCode?: number;
  readonly details?: { readonly odataError?: { readonly code?: string } };
}

/** What the service calls it; transactions tell it in another place. */
function codeOf(error: unknown): string {
  const { code, details } = (error ?? {}) as SdkError;
  return details?.odataError?.code ?? String(code ?? "");
}

/** What is stored is not what was read, or is there already, or is gone. */
export function isConditionFailed(error: unknown): boolean {
  return ["UpdateConditionNotSatisfied", "ConditionNotMet", "EntityAlreadyExists", "ResourceNotFound"].includes(codeOf(error));
}

export const isEntityMissing = (error: unknown): boolean => codeOf(error) === "ResourceNotFound";

export const isTableMissing = (error: unknown): boolean => codeOf(error) === "TableNotFound";

export const isTableThere = (error: unknown): boolean => codeOf(error) === "TableAlreadyExists";

/** Connections, time, load and the service's own faults are no answer; a refusal is, such as one for want of a permission. */
function isUnavailable({ name = "", statusCode, code }: SdkError): boolean {
  if (name === "AbortError" || statusCode === 408 || statusCode === 429 || (statusCode ?? 0) >= 500) return true;
  return statusCode === undefined && (name === "RestError" || /^E[A-Z_]+$/.test(String(code ?? "")));
}

export function toTableError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error) || !isUnavailable((error ?? {}) as SdkError)) return error;
  const { message, name } = error as SdkError;
  return new StoreUnavailableError(`Azure Table Storage: ${message || codeOf(error) || name}`, error);
}
