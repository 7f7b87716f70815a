import { createSystemClock } from "../core/system-clock.ts";
import { ActorfleetError } from "../model/errors.ts";
import * as check from "../model/option-check.ts";
import type { Clock } from "../ports/clock.ts";
import type { ProcessMessage } from "./message-batch.ts";
import type { ProcessHandler } from "./process-handler.ts";

/** What is needed of the `HttpRequest` of `@azure/functions`. */
export interface AzureHttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { forEach(each: (value: string, name: string) => void): void };
  /** A stream of bytes, or null. */
  readonly body: unknown;
}

/** An `HttpResponseInit` of `@azure/functions`. */
export interface AzureHttpResponse {
  status: number;
  headers: Record<string, string>;
  body?: string;
}

/** What is needed of the `InvocationContext` of `@azure/functions`. */
export interface AzureInvocation {
  readonly triggerMetadata?: Readonly<Record<string, unknown>> | undefined;
}

/** How a triggered function works. */
export interface AzureProcessOptions {
  /** How long the platform lets a call run: the `functionTimeout` of host.json, in milliseconds; 300 000. */
  functionTimeoutMs?: number;
  /** The system's. */
  clock?: Clock;
}

/** Tells the Functions host that messages of a call are to be delivered again. */
export class RedeliveryError extends ActorfleetError {
  readonly code = "REDELIVERY_WANTED";
  readonly messageIds: readonly string[];

  constructor(messageIds: readonly string[]) {
    super(`to be delivered again: ${messageIds.join(", ")}`);
    this.messageIds = messageIds;
  }
}

/**
 * A handler of web requests as the handler of an HTTP trigger.
 *
 * @example
 * ```ts
 * app.http("accept", { methods: ["POST"], route: "reports", handler: toAzureHttpFunction(createAcceptHandler({ coordinator })) });
 * ```
 */
export function toAzureHttpFunction(
  handle: (request: Request) => Promise<Response>,
): (request: AzureHttpRequest) => Promise<AzureHttpResponse> {
  return async ({ method, url, headers, body }) => {
    const webHeaders = new Headers();
    headers.forEach((value, name) => void webHeaders.append(name, value));
    // A body that is read as it comes has to be said so.
    const withBody = body === null || body === undefined ? {} : { body: body as ReadableStream, duplex: "half" };
    const response = await handle(new Request(url, { method, headers: webHeaders, ...withBody }));
    const text = response.body === null ? undefined : await response.text();
    return { status: response.status, headers: Object.fromEntries(response.headers), ...(text !== undefined && { body: text }) };
  };
}

/**
 * A process handler as the handler of a storage queue's trigger. What is to be delivered again fails the call: the host shows it again, and
 * after `maxDequeueCount` times moves it to the queue's `-poison` queue.
 *
 * @throws {InvalidOptionsError}
 */
export function toAzureQueueFunction(
  handle: ProcessHandler,
  options: AzureProcessOptions = {},
): (entry: unknown, context: AzureInvocation) => Promise<void> {
  const process = toCall(handle, options);
  return async (entry, { triggerMetadata = {} }) =>
    process([toMessage(entry, triggerMetadata.id ?? "message", triggerMetadata.dequeueCount)]);
}

/**
 * A process handler as the handler of a Service Bus queue's trigger, of one message or, with `cardinality: "many"`, of several: of those the
 * host delivers all again when one fails, which does no harm. After the queue's `maxDeliveryCount` a message is in its dead-letter queue.
 *
 * @throws {InvalidOptionsError}
 */
export function toAzureServiceBusFunction(
  handle: ProcessHandler,
  options: AzureProcessOptions = {},
): (entry: unknown, context: AzureInvocation) => Promise<void> {
  const process = toCall(handle, options);
  return async (entry, { triggerMetadata = {} }) => {
    const { messageId, messageIdArray: ids, deliveryCount, deliveryCountArray: counts } = triggerMetadata;
    // One message may be a list, too, but no message of ours is.
    const isBatch = Array.isArray(entry) && (Array.isArray(ids) || Array.isArray(counts));
    const at = (list: unknown, index: number): unknown => (Array.isArray(list) ? list[index] : undefined);
    const batch = isBatch
      ? entry.map((each: unknown, index) => toMessage(each, at(ids, index) ?? index, at(counts, index)))
      : [toMessage(entry, messageId ?? "message", deliveryCount)];
    await process(batch);
  };
}

function toCall(handle: ProcessHandler, options: AzureProcessOptions): (batch: readonly ProcessMessage[]) => Promise<void> {
  check.fields({ functionTimeoutMs: check.positiveMilliseconds, clock: check.having("monotonicNow") })(options, "options");
  const { functionTimeoutMs = 300_000, clock = createSystemClock() } = options;
  return async (batch) => {
    const endsAt = clock.monotonicNow() + functionTimeoutMs;
    const { failed } = await handle(batch, { remainingMs: () => endsAt - clock.monotonicNow() });
    if (failed.length > 0) throw new RedeliveryError(failed);
  };
}

/** The host makes of JSON what it says, and leaves other texts as they are. */
function toMessage(entry: unknown, id: unknown, deliveryCount: unknown): ProcessMessage {
  const body = entry instanceof Uint8Array ? new TextDecoder().decode(entry) : typeof entry === "string" ? entry : JSON.stringify(entry);
  const count = Number(deliveryCount);
  return { id: String(id), body: body ?? "", ...(count >= 1 && { deliveryCount: count }) };
}
