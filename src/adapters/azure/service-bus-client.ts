import { ActorfleetError } from "../../model/errors.ts";
import { MissingDependencyError, StoreUnavailableError } from "../../model/store-errors.ts";

/** A message as `@azure/service-bus` sends it. */
export interface ServiceBusMessageLike {
  body: unknown;
  contentType?: string;
  messageId?: string;
  sessionId?: string;
  scheduledEnqueueTimeUtc?: Date;
  applicationProperties?: Record<string, number | boolean | string | Date | null>;
}

/** A message as `@azure/service-bus` hands it out. */
export interface ServiceBusReceivedMessageLike {
  body: unknown;
  /** How often it was handed out before. */
  deliveryCount?: number;
  lockedUntilUtc?: Date;
  sessionId?: string;
  applicationProperties?: Record<string, unknown>;
  deadLetterReason?: string;
  sequenceNumber?: ServiceBusSequenceNumber;
}

/** Where a message is in its queue: a number of 64 bits. */
export interface ServiceBusSequenceNumber {
  toString(): string;
  toBytesBE(): number[];
}

/** What the queue needs of a batch of `@azure/service-bus`. */
export interface ServiceBusBatchLike {
  readonly count: number;
  readonly sizeInBytes: number;
  readonly maxSizeInBytes: number;
  tryAddMessage(message: ServiceBusMessageLike): boolean;
}

/** What the queue needs of a sender of `@azure/service-bus`. */
export interface ServiceBusSenderLike {
  createMessageBatch(): Promise<ServiceBusBatchLike>;
  sendMessages(messages: ServiceBusMessageLike | ServiceBusBatchLike): Promise<void>;
  close(): Promise<void>;
}

/** What the queue needs of a receiver of `@azure/service-bus`. */
export interface ServiceBusReceiverLike {
  receiveMessages(maxMessageCount: number, options?: { maxWaitTimeInMs?: number }): Promise<ServiceBusReceivedMessageLike[]>;
  peekMessages(
    maxMessageCount: number,
    options?: { fromSequenceNumber?: ServiceBusSequenceNumber; abortSignal?: unknown },
  ): Promise<ServiceBusReceivedMessageLike[]>;
  completeMessage(message: ServiceBusReceivedMessageLike): Promise<void>;
  abandonMessage(message: ServiceBusReceivedMessageLike): Promise<void>;
  deadLetterMessage(
    message: ServiceBusReceivedMessageLike,
    options?: { deadLetterReason: string; deadLetterErrorDescription: string },
  ): Promise<void>;
  close(): Promise<void>;
}

/** A receiver that locks its messages one by one. */
export interface ServiceBusMessageReceiverLike extends ServiceBusReceiverLike {
  renewMessageLock(message: ServiceBusReceivedMessageLike): Promise<Date>;
}

/** A receiver that has locked a session. */
export interface ServiceBusSessionReceiverLike extends ServiceBusReceiverLike {
  readonly sessionLockedUntilUtc: Date;
  renewSessionLock(): Promise<Date>;
}

/** How receivers are wanted: bodies as they are, and locks left to the queue, which renews them itself. */
export interface ServiceBusReceiverSettings {
  skipParsingBodyAsJson: boolean;
  maxAutoLockRenewalDurationInMs: number;
}

/** What the queue needs of a `ServiceBusClient` of `@azure/service-bus`. */
export interface ServiceBusClientLike {
  createSender(queue: string): ServiceBusSenderLike;
  createReceiver(
    queue: string,
    options: Partial<ServiceBusReceiverSettings> & { subQueueType?: "deadLetter" },
  ): ServiceBusMessageReceiverLike;
  acceptNextSession(queue: string, options: ServiceBusReceiverSettings): Promise<ServiceBusSessionReceiverLike>;
  close(): Promise<void>;
}

export const receiverSettings: ServiceBusReceiverSettings = { skipParsingBodyAsJson: true, maxAutoLockRenewalDurationInMs: 0 };

/** How long the service looks for a session: the call cannot be taken back. */
const sessionTimeoutMs = 1_000;

/** A client that gives up soon: what could not be sent or settled is found out by the store's sweep. */
export async function openServiceBus(
  connectionString: string,
  { sessions, operationTimeoutMs }: { sessions: boolean; operationTimeoutMs: number },
): Promise<ServiceBusClientLike> {
  let sdk: typeof import("@azure/service-bus");
  try {
    sdk = await import("@azure/service-bus");
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "@azure/service-bus", usedBy: "Service Bus queue", cause });
  }
  const retryOptions = sessions
    ? { maxRetries: 0, timeoutInMs: Math.min(sessionTimeoutMs, operationTimeoutMs) }
    : { maxRetries: 2, retryDelayInMs: 100, timeoutInMs: operationTimeoutMs };
  return new sdk.ServiceBusClient(connectionString, { retryOptions });
}

interface InnerClient {
  _connectionContext?: { connection?: { _connection?: { socket?: { destroy?(): void } } } };
}

/** The SDK waits for minutes for a server that does not take leave, and has no other way to be told than to take its socket. */
export function cutOff(client: ServiceBusClientLike): void {
  (client as InnerClient)._connectionContext?.connection?._connection?.socket?.destroy?.();
}

/** As the SDK takes it, without the package that it takes it from. */
export function toSequenceNumber(value: bigint): ServiceBusSequenceNumber & { readonly __isLong__: true } {
  const bytes = new DataView(new ArrayBuffer(8));
  bytes.setBigInt64(0, value);
  return { __isLong__: true, toString: () => String(value), toBytesBE: () => [...new Uint8Array(bytes.buffer)] };
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? "");
const textOf = (error: unknown): string => String((error as { message?: unknown } | undefined)?.message ?? error);

/** Somebody else may have it already, or it was settled. */
export function isLockLost(error: unknown): boolean {
  return ["MessageLockLost", "SessionLockLost", "MessageNotFound"].includes(codeOf(error)) || /already.*settled/i.test(textOf(error));
}

export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === "MessageSizeExceeded";
}

/** Nobody has put anything into a session so far. */
export function isNoSession(error: unknown): boolean {
  return ["ServiceTimeout", "SessionCannotBeLocked"].includes(codeOf(error));
}

/** What only its owner can set right stays what it is: no such queue, no right to it, a queue that is switched off or is none for sessions. */
export function toServiceBusError(error: unknown): unknown {
  if (ActorfleetError.isInstance(error)) return error;
  if (["MessagingEntityNotFound", "MessagingEntityDisabled", "UnauthorizedAccess"].includes(codeOf(error))) return error;
  const isTransient =
    (error as { retryable?: unknown } | undefined)?.retryable === true ||
    /^E[A-Z]+$/.test(codeOf(error)) ||
    ["ServiceBusError", "MessagingError", "OperationTimeoutError", "AbortError"].includes((error as Error | undefined)?.name ?? "") ||
    /closed|connection|socket|time/i.test(textOf(error));
  return isTransient ? new StoreUnavailableError(`Service Bus: ${textOf(error)}`, error) : error;
}
