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

export const nameOf = (error: unknown): string => (error as SdkError | undefined)?.name ?? "";

/** Connections, time, load and the service's own faults are no answer; a refusal is, such as one for want of a permission. */
function isUnavailable({ name = "", code, $fault, $retryable, $response, $metadata }: SdkError, passing: RegExp): boolean {
  if (/^(AbortError|TimeoutError|NetworkingError)$|Throttl/.test(name) || passing.test(name)) return true;
  if ($retryable !== undefined || $fault === "server") return true;
  if (/^E[A-Z_]+$/.test(String(code ?? ""))) return true;
  // An answer that is none of this service's, as something in between gives it.
  return $fault === undefined && ($response !== undefined || $metadata?.httpStatusCode !== undefined);
}

/** `passing` are the names of the service's own errors that are no answer either. */
export function toServiceError(service: string, passing: RegExp, error: unknown): unknown {
  if (ActorfleetError.isInstance(error) || !isUnavailable((error ?? {}) as SdkError, passing)) return error;
  const { message, name, code } = error as SdkError;
  return new StoreUnavailableError(`${service}: ${message || String(code ?? name)}`, error);
}
