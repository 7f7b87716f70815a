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

/** The loan is over, as the service sees it. */
export function isLoanLost(error: unknown): boolean {
  const { name = "" } = (error ?? {}) as SdkError;
  return /MessageNotInflight|ReceiptHandleIsInvalid|InvalidParameterValue/.test(name);
}

/** There is no queue of this name, or no more. */
export function isQueueMissing(error: unknown): boolean {
  return /QueueDoesNotExist|NonExistentQueue/.test((error as SdkError | undefined)?.name ?? "");
}

/** Somebody else was quicker, or the queue has other attributes than those asked for; it is there. */
export function isQueueThere(error: unknown): boolean {
  return /QueueNameExists|QueueAlreadyExists/.test((error as SdkError | undefined)?.name ?? "");
}

/** Connections, time, load and the service's own faults are no answer; a refusal is, such as one for want of a permission. */
function isUnavailable(error: SdkError): boolean {
  if (/^(AbortError|TimeoutError|NetworkingError)$|Throttl|TooManyRequests|QueueDeletedRecently/.test(error.name ?? "")) return true;
  if (error.$retryable !== undefined || error.$fault === "server") return true;
  if (/^E[A-Z_]+$/.test(String(error.code ?? ""))) return true;
  // An answer that is none of this service's, as something in between gives it.
  return error.$fault === undefined && (error.$response !== undefined || error.$metadata?.httpStatusCode !== undefined);
}

export function toQueueError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error) || !isUnavailable((error ?? {}) as SdkError)) return error;
  const { message, name, code } = error as SdkError;
  return new StoreUnavailableError(`SQS: ${message || String(code ?? name)}`, error);
}
