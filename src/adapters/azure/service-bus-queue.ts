import { createHash } from "node:crypto";
import { createSystemClock } from "../../core/system-clock.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import { toMessageText } from "../../model/queue-message.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionQueue, PublishReport, PutAsideMessage, QueueCapabilities, QueueMessage } from "../../ports/execution-queue.ts";
import { inTime } from "./in-time.ts";
import { toServiceBusQueueName } from "./queue-names.ts";
import {
  cutOff,
  isTooLarge,
  openServiceBus,
  type ServiceBusClientLike,
  type ServiceBusMessageLike,
  type ServiceBusMessageReceiverLike,
  type ServiceBusReceivedMessageLike,
  type ServiceBusSenderLike,
  type ServiceBusSequenceNumber,
  toSequenceNumber,
  toServiceBusError,
} from "./service-bus-client.ts";
import { ServiceBusConsumer } from "./service-bus-consumer.ts";
import { deliveriesOf, deliveriesProperty, toText } from "./service-bus-loan.ts";

/** Of the id of a session, in characters. */
const longestSessionId = 128;
/** What every tier takes. */
const standardMessageBytes = 256 * 1_024;
/** How long closing waits for a server that does not answer. */
const closeMs = 3_000;

/** How a Service Bus queue works. */
export interface ServiceBusQueueOptions {
  /** Where the namespace is; the queue makes and closes its own client, with the `@azure/service-bus` package. */
  connectionString?: string;
  /** Instead: a `ServiceBusClient` that stays the caller's, such as one with a managed identity. */
  client?: ServiceBusClientLike;
  /** What the names of its queues begin with; `actorfleet-`. `toServiceBusQueueName` says the rest. The queues must be there. */
  namePrefix?: string;
  /**
   * The queues require sessions: messages of a group come in their order, one at a time. Those without a group have a session of their own.
   * Default false.
   */
  sessions?: boolean;
  /** How long a call may take before it counts as unanswered; 10 000. */
  operationTimeoutMs?: number;
  /** For pauses, and for when delayed messages are due. The system's. */
  clock?: Clock;
  /** Told what goes wrong while messages are waited for, which is tried again; nothing is done by default. */
  onError?(error: unknown): void;
}

/**
 * A queue on Azure Service Bus, one of its queues for each name. Loans are locks: they last as long as the queue's lock duration says, are
 * renewed while the visibility timeout is longer than that, and may therefore last longer than it, but no shorter. What Service Bus has handed
 * out too often (`maxDeliveryCount`) or was put aside is in the dead-letter queue, where `listPutAside` looks.
 *
 * @throws {InvalidOptionsError}
 */
export function createServiceBusQueue(options: ServiceBusQueueOptions): ExecutionQueue {
  check.fields({
    connectionString: check.text,
    client: check.having("createSender", "createReceiver", "acceptNextSession", "close"),
    namePrefix: prefix,
    sessions: check.flag,
    operationTimeoutMs: check.positiveMilliseconds,
    clock: check.having("now", "monotonicNow", "setTimeout", "clearTimeout"),
    onError: check.callable,
  })(options, "options");
  if ((options.connectionString === undefined) === (options.client === undefined)) {
    // It holds a key, and is not shown.
    throw new InvalidOptionsError({ field: "connectionString", expected: "either this or client", received: undefined });
  }
  return new ServiceBusQueue(options);
}

const prefix: check.OptionCheck = (value, field) => {
  if (typeof value === "string" && /^([a-z0-9][a-z0-9._/-]{0,99})?$/.test(value)) return;
  throw new InvalidOptionsError({
    field,
    expected: "up to 100 lower-case letters, digits and . _ / -, a letter or digit first",
    received: value,
  });
};

class ServiceBusQueue implements ExecutionQueue {
  readonly capabilities: QueueCapabilities;
  readonly #options: ServiceBusQueueOptions;
  readonly #clock: Clock;
  readonly #operationTimeoutMs: number;
  readonly #sessions: boolean;
  readonly #senders = new Map<string, ServiceBusSenderLike>();
  readonly #consumers = new Set<ServiceBusConsumer>();
  #client: Promise<ServiceBusClientLike> | undefined;
  #current: ServiceBusClientLike | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ServiceBusQueueOptions) {
    this.#options = options;
    this.#clock = options.clock ?? createSystemClock();
    this.#operationTimeoutMs = options.operationTimeoutMs ?? 10_000;
    this.#sessions = options.sessions === true;
    this.capabilities = {
      order: this.#sessions ? "perGroup" : "loose",
      visibilityTimeout: true,
      delay: true,
      priority: false,
      deliveryCount: true,
      listsPutAside: true,
      durable: true,
      maxMessageBytes: standardMessageBytes,
    };
  }

  async publish(messages: readonly QueueMessage[]): Promise<readonly PublishReport[]> {
    const client = await this.#open();
    const reports: PublishReport[] = messages.map(() => ({ published: true }));
    const parcels = new Map<string, { readonly name: string; readonly indices: number[] }>();
    for (const [index, message] of messages.entries()) {
      // What shares a batch shares its first message's session and due time.
      const alone = (message.delayMs ?? 0) > 0 ? String(index) : "";
      const key = JSON.stringify([message.name, alone, this.#sessionOf(message)]);
      const parcel = parcels.get(key) ?? { name: message.name, indices: [] };
      parcel.indices.push(index);
      parcels.set(key, parcel);
    }
    const send = async ({ name, indices }: { name: string; indices: number[] }) => {
      const sender = this.#senderOf(client, name);
      const report = (some: readonly number[], failed: PublishReport) => {
        for (const index of some) reports[index] = failed;
      };
      const texts = indices.map((index) => this.#toMessage(messages[index] as QueueMessage));
      await this.#send(client, sender, texts, (some, failed) =>
        report(
          some.map((at) => indices[at] as number),
          failed,
        ),
      );
    };
    await Promise.all([...parcels.values()].map(send));
    return reports;
  }

  async consume(options: Parameters<ExecutionQueue["consume"]>[0], handle: Parameters<ExecutionQueue["consume"]>[1]) {
    const client = await this.#open();
    const queueName = this.#queueName(options.name);
    // Whether there is such a queue, and a server, is better known now than never.
    await this.#peek(client, queueName, 1, {});
    this.#assertOpen();
    const consumer = new ServiceBusConsumer({
      ...{ queueName, handle },
      open: () => this.#open(),
      hung: (hung) => this.#replace(hung),
      clock: this.#clock,
      operationTimeoutMs: this.#operationTimeoutMs,
      consume: options,
      sendAgain: async (received, delayMs) => this.#sendAgain(await this.#open(), options.name, received, delayMs),
      onError: (error) => this.#options.onError?.(toServiceBusError(error)),
      ended: (ended) => this.#consumers.delete(ended),
    });
    this.#consumers.add(consumer);
    consumer.start(this.#sessions);
    return consumer;
  }

  async listPutAside({ name, limit = 1_000 }: { name: string; limit?: number }): Promise<readonly PutAsideMessage[]> {
    const client = await this.#open();
    const messages = await this.#peek(client, this.#queueName(name), limit, { subQueueType: "deadLetter" });
    return messages.map(({ body, deadLetterReason = "" }) => ({ raw: toText(body), reason: deadLetterReason }));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    if (client === undefined) return;
    const end = async () => {
      await Promise.all([...this.#consumers].map((consumer) => consumer.end()));
      if (this.#options.client === undefined) await client.close();
      else await Promise.all([...this.#senders.values()].map((sender) => sender.close()));
    };
    try {
      await inTime(this.#clock, "Service Bus, close", end(), closeMs);
    } catch {
      // A server that is dead keeps what it has locked until the locks end.
      if (this.#options.client === undefined) cutOff(client);
    }
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new CoordinatorClosedError("the Service Bus queue is closed");
  }

  async #open(): Promise<ServiceBusClientLike> {
    this.#assertOpen();
    const { client, connectionString = "" } = this.#options;
    const settings = { sessions: this.#sessions, operationTimeoutMs: this.#operationTimeoutMs };
    this.#client ??= client === undefined ? openServiceBus(connectionString, settings) : Promise.resolve(client);
    this.#current = await this.#client;
    return this.#current;
  }

  #queueName(name: string): string {
    return toServiceBusQueueName(name, this.#options.namePrefix);
  }

  #senderOf(client: ServiceBusClientLike, name: string): ServiceBusSenderLike {
    const queueName = this.#queueName(name);
    const sender = this.#senders.get(queueName) ?? client.createSender(queueName);
    this.#senders.set(queueName, sender);
    return sender;
  }

  #sessionOf({ group, executionId }: QueueMessage): string | undefined {
    if (!this.#sessions) return undefined;
    const session = group ?? executionId;
    return session.length <= longestSessionId ? session : createHash("sha256").update(session).digest("hex");
  }

  #toMessage(message: QueueMessage): ServiceBusMessageLike {
    const { delayMs = 0 } = message;
    const sessionId = this.#sessionOf(message);
    return {
      ...toEnvelope(toMessageText(message)),
      ...(sessionId !== undefined && { sessionId }),
      ...(delayMs > 0 && { scheduledEnqueueTimeUtc: new Date(this.#clock.now() + delayMs) }),
    };
  }

  async #send(
    client: ServiceBusClientLike,
    sender: ServiceBusSenderLike,
    messages: readonly ServiceBusMessageLike[],
    report: (indices: readonly number[], failed: PublishReport) => void,
  ): Promise<void> {
    for (let next = 0; next < messages.length; ) {
      const batch: number[] = [];
      try {
        const parcel = messages.length === 1 ? undefined : await this.#inTime(client, "send", sender.createMessageBatch());
        while (next < messages.length && (parcel?.tryAddMessage(messages[next] as ServiceBusMessageLike) ?? batch.length === 0)) {
          batch.push(next);
          next += 1;
        }
        if (batch.length === 0) {
          report([next], { published: false, reason: "tooLarge" });
          next += 1;
        } else await this.#inTime(client, "send", sender.sendMessages(parcel ?? (messages[0] as ServiceBusMessageLike)));
      } catch (error) {
        const cause = toServiceBusError(error);
        const some = batch.length > 0 ? batch : messages.map((_, index) => index).slice(next);
        if (batch.length === 0) next = messages.length;
        if (isTooLarge(error)) report(some, { published: false, reason: "tooLarge", cause });
        else if (cause instanceof StoreUnavailableError) report(some, { published: false, reason: "unavailable", cause });
        else throw cause;
      }
    }
  }

  /** As it was, and with the number of its deliveries. */
  async #sendAgain(client: ServiceBusClientLike, name: string, received: ServiceBusReceivedMessageLike, delayMs: number): Promise<void> {
    const { sessionId } = received;
    await this.#senderOf(client, name).sendMessages({
      ...toEnvelope(toText(received.body)),
      ...(sessionId !== undefined && { sessionId }),
      scheduledEnqueueTimeUtc: new Date(this.#clock.now() + delayMs),
      applicationProperties: { [deliveriesProperty]: deliveriesOf(received) },
    });
  }

  async #peek(client: ServiceBusClientLike, queueName: string, limit: number, options: { subQueueType?: "deadLetter" }) {
    const receiver = client.createReceiver(queueName, { ...options, skipParsingBodyAsJson: true });
    const found: ServiceBusReceivedMessageLike[] = [];
    try {
      while (found.length < limit) {
        // Without a number the SDK goes on where any look at this queue has ended.
        const next = BigInt(found.at(-1)?.sequenceNumber?.toString() ?? 0) + 1n;
        const options = { fromSequenceNumber: toSequenceNumber(next) };
        const some = await this.#peekOnce(client, receiver, limit - found.length, options);
        if (some.length === 0) break;
        found.push(...some);
      }
      return found;
    } catch (error) {
      throw toServiceBusError(error);
    } finally {
      void receiver.close().catch(() => {});
    }
  }

  /** Unless it is told, the SDK waits a minute for an answer that was lost with its connection. */
  async #peekOnce(
    client: ServiceBusClientLike,
    receiver: ServiceBusMessageReceiverLike,
    count: number,
    options: { fromSequenceNumber: ServiceBusSequenceNumber },
  ) {
    const over = new AbortController();
    try {
      return await this.#inTime(client, "peek", receiver.peekMessages(count, { ...options, abortSignal: over.signal }));
    } finally {
      over.abort();
    }
  }

  #inTime<Result>(client: ServiceBusClientLike, what: string, answer: Promise<Result>): Promise<Result> {
    return inTime(this.#clock, `Service Bus, ${what}`, answer, this.#operationTimeoutMs, () => this.#replace(client));
  }

  /** A client that waits for an answer which was lost lets all others wait, too: the next call gets a new one. */
  #replace(client: ServiceBusClientLike): void {
    if (client !== this.#current || this.#options.client !== undefined) return;
    this.#current = undefined;
    this.#client = undefined;
    this.#senders.clear();
    cutOff(client);
    client.close().catch(() => {});
  }
}

/** Bytes, which go over the wire as they are: a string would be written as JSON once more. An id, for queues that drop doubles. */
function toEnvelope(text: string): ServiceBusMessageLike {
  return { body: new TextEncoder().encode(text), contentType: "application/json", messageId: globalThis.crypto.randomUUID() };
}
