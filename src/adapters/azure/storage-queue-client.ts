import { ActorfleetError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";

/** A message as `@azure/storage-queue` hands it out. */
export interface StorageMessageLike {
  readonly messageId: string;
  readonly popReceipt: string;
  readonly messageText: string;
  /** How often it was handed out, this time included. */
  readonly dequeueCount: number;
}

interface CallOptions {
  abortSignal?: AbortSignal;
}

/** What the queue needs of a `QueueClient` of `@azure/storage-queue`. */
export interface StorageQueueClientLike {
  createIfNotExists(options?: CallOptions): Promise<unknown>;
  sendMessage(text: string, options?: CallOptions & { visibilityTimeout?: number; messageTimeToLive?: number }): Promise<unknown>;
  receiveMessages(
    options?: CallOptions & { numberOfMessages?: number; visibilityTimeout?: number },
  ): Promise<{ receivedMessageItems: StorageMessageLike[] }>;
  peekMessages(options?: CallOptions & { numberOfMessages?: number }): Promise<{ peekedMessageItems: { messageText: string }[] }>;
  updateMessage(
    messageId: string,
    popReceipt: string,
    text: string,
    visibilityTimeout: number,
    options?: CallOptions,
  ): Promise<{ popReceipt?: string }>;
  deleteMessage(messageId: string, popReceipt: string, options?: CallOptions): Promise<unknown>;
}

/** What the queue needs of a `QueueServiceClient` of `@azure/storage-queue`. */
export interface StorageQueueServiceLike {
  getQueueClient(queue: string): StorageQueueClientLike;
}

/** A client that gives up soon: what could not be sent or settled is found out by the store's sweep. */
export async function openStorageQueues(connectionString: string, operationTimeoutMs: number): Promise<StorageQueueServiceLike> {
  let sdk: typeof import("@azure/storage-queue");
  try {
    sdk = await import("@azure/storage-queue");
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "@azure/storage-queue", usedBy: "storage queue", cause });
  }
  const retryOptions = { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 1_000, tryTimeoutInMs: operationTimeoutMs };
  return sdk.QueueServiceClient.fromConnectionString(connectionString, { retryOptions });
}

const statusOf = (error: unknown): number => Number((error as { statusCode?: unknown } | undefined)?.statusCode ?? 0);
const codeOf = (error: unknown): string => {
  const { code, details } = (error ?? {}) as { code?: unknown; details?: { errorCode?: unknown } };
  return String(details?.errorCode ?? code ?? "");
};

/** Somebody else may have it already, or it was settled. */
export function isReceiptLost(error: unknown): boolean {
  return ["PopReceiptMismatch", "MessageNotFound"].includes(codeOf(error));
}

export function isQueueMissing(error: unknown): boolean {
  return ["QueueNotFound", "QueueBeingDeleted"].includes(codeOf(error));
}

export function isTooLarge(error: unknown): boolean {
  return ["RequestBodyTooLarge", "MessageTooLarge"].includes(codeOf(error)) || statusOf(error) === 413;
}

/** What only its owner can set right stays what it is: no right to it, a request that the service does not understand. */
export function toStorageQueueError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error)) return error;
  const status = statusOf(error);
  const isTransient =
    status >= 500 ||
    [408, 429].includes(status) ||
    isQueueMissing(error) ||
    /^E[A-Z_]+$/.test(codeOf(error)) ||
    codeOf(error) === "REQUEST_SEND_ERROR" ||
    (error as Error | undefined)?.name === "AbortError";
  return isTransient ? new StoreUnavailableError(`storage queue: ${(error as Error).message}`, error) : error;
}
