import { ActorfleetError } from "../../model/errors.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: unknown;
  readonly $fault?: "client" | "server";
  readonly $retryable?: unknown;
  readonly $response?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const nameOf = (error: unknown): string => (error as SdkError | undefined)?.name ?? "";

/** What is stored is not what was read, or is there already. */
export const isConditionFailed = (error: unknown): boolean => nameOf(error) === "ConditionalCheckFailedException";

export const isTableMissing = (error: unknown): boolean => nameOf(error) === "ResourceNotFoundException";

/** Somebody else creates it, or has. */
export const isTableThere = (error: unknown): boolean => nameOf(error) === "ResourceInUseException";

/** Connections, time, load and the service's own faults are no answer; a refusal is, such as one for want of a permission. */
function isUnavailable(error: SdkError): boolean {
  if (/^(AbortError|TimeoutError|NetworkingError)$|Throttl|ThroughputExceeded|LimitExceeded|TransactionInProgress/.test(error.name ?? ""))
    return true;
  if (error.$retryable !== undefined || error.$fault === "server") return true;
  if (/^E[A-Z_]+$/.test(String(error.code ?? ""))) return true;
  // An answer that is none of this service's, as something in between gives it.
  return error.$fault === undefined && (error.$response !== undefined || error.$metadata?.httpStatusCode !== undefined);
}

export function toTableError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error) || !isUnavailable((error ?? {}) as SdkError)) return error;
  const { message, name, code } = error as SdkError;
  return new StoreUnavailableError(`DynamoDB: ${message || String(code ?? name)}`, error);
}
