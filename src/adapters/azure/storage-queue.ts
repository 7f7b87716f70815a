import { createSystemClock } from "../../core/system-clock.ts";
import { CoordinatorClosedError, InvalidOptionsError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import { toMessageText } from "../../model/queue-message.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionQueue, PublishReport, PutAsideMessage, QueueCapabilities, QueueMessage } from "../../ports/execution-queue.ts";
import { inTime } from "./in-time.ts";
import { asideSuffix, toStorageQueueName } from "./queue-names.ts";
import {
  isQueueMissing,
  isTooLarge,
  openStorageQueues,
  type StorageQueueClientLike,
  type StorageQueueServiceLike,
  toStorageQueueError,
} from "./storage-queue-client.ts";
import { StorageQueueConsumer } from "./storage-queue-consumer.ts";
import { longestHiddenSeconds, toSeconds } from "./storage-queue-loan.ts";

/** Of a message as it is sent, in bytes. */
const longestText = 65_536;
/** What the service shows at once, which is all that it shows. */
const mostShown = 32;
const sendsAtOnce = 16;
const closeMs = 2_000;

/** How a storage queue works. */
export interface StorageQueueOptions {
  /** Where the account is; the queue makes its own client, with the `@azure/storage-queue` package. */
  connectionString?: string;
  /** Instead: a `QueueServiceClient` of the caller's, such as one with a managed identity. */
  client?: StorageQueueServiceLike;
  /** What the names of its queues begin with; `actorfleet-`. `toStorageQueueName` says the rest. Queues are created when missing. */
  namePrefix?: string;
  /**
   * How messages are written: `base64`, as the queue trigger of Azure Functions expects them by default, or `text`, for hosts with
   * `"messageEncoding": "none"`. Default `base64`. Messages that are no base64 are read as they are.
   */
  encoding?: "base64" | "text";
  /** How soon to look again after a look that found nothing; twice as long after each further one; 100. */
  minPollMs?: number;
  /** At most so long between two looks; 5 000. */
  maxPollMs?: number;
  /** How long a call may take before it is given up; 10 000. */
  operationTimeoutMs?: number;
  /** For pauses and time limits. The system's. */
  clock?: Clock;
  /** Told what goes wrong while messages are looked for, which is tried again; nothing is done by default. */
  onError?(error: unknown): void;
}

/** A storage queue, and how to put a message aside that was not received through it. */
export interface StorageQueue extends ExecutionQueue {
  /** Puts a message on the queue for those put aside, where `listPutAside` looks. */
  putAside(message: { name: string; raw: string; reason: string }): Promise<void>;
}

const capabilities: QueueCapabilities = {
  order: "loose",
  visibilityTimeout: true,
  delay: true,
  priority: false,
  deliveryCount: true,
  listsPutAside: true,
  durable: true,
  maxDelayMs: longestHiddenSeconds * 1_000,
  // 64 KiB, as base64.
  maxMessageBytes: 48 * 1_024,
};

/**
 * A queue in an Azure storage account, one of its queues for each name and a second one, with `-aside` at its end, for what was put aside, of
 * which the 32 oldest can be listed. Times are whole seconds, rounded up; the longest delay is 7 days, and what should wait for longer comes
 * then. Nobody is told of a message: it is found by looking, at once when this process has published it.
 *
 * @throws {InvalidOptionsError}
 */
export function createStorageQueue(options: StorageQueueOptions): StorageQueue {
  check.fields({
    connectionString: check.text,
    client: check.having("getQueueClient"),
    namePrefix: prefix,
    encoding: check.oneOf("base64", "text"),
    minPollMs: check.positiveMilliseconds,
    maxPollMs: check.positiveMilliseconds,
    operationTimeoutMs: check.positiveMilliseconds,
    clock: check.clock,
    onError: check.callable,
  })(options, "options");
  const { connectionString, client, minPollMs = 100, maxPollMs = Math.max(5_000, minPollMs) } = options;
  if ((connectionString === undefined) === (client === undefined)) {
    // It holds a key, and is not shown.
    throw new InvalidOptionsError({ field: "connectionString", expected: "either this or client", received: undefined });
  }
  if (maxPollMs < minPollMs)
    throw new InvalidOptionsError({ field: "maxPollMs", expected: `at least minPollMs ${minPollMs}`, received: maxPollMs });
  return new AzureStorageQueue({ ...options, minPollMs, maxPollMs });
}

const prefix: check.OptionCheck = (value, field) => {
  if (typeof value === "string" && value.length <= 20 && /^([a-z0-9]+-)*[a-z0-9]*$/.test(value)) return;
  throw new InvalidOptionsError({ field, expected: "up to 20 lower-case letters, digits and single dashes", received: value });
};

class AzureStorageQueue implements StorageQueue {
  readonly capabilities = capabilities;
  readonly #options: StorageQueueOptions & { minPollMs: number; maxPollMs: number };
  readonly #clock: Clock;
  readonly #operationTimeoutMs: number;
  readonly #queues = new Map<string, Promise<StorageQueueClientLike>>();
  readonly #consumers = new Set<StorageQueueConsumer>();
  /** Calls that closing cuts off. */
  readonly #calls = new Set<AbortController>();
  #service: Promise<StorageQueueServiceLike> | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: StorageQueueOptions & { minPollMs: number; maxPollMs: number }) {
    this.#options = options;
    this.#clock = options.clock ?? createSystemClock();
    this.#operationTimeoutMs = options.operationTimeoutMs ?? 10_000;
  }

  async publish(messages: readonly QueueMessage[]): Promise<readonly PublishReport[]> {
    this.#assertOpen();
    const reports: PublishReport[] = [];
    const waiting = [...messages.entries()];
    const sendNext = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) reports[next[0]] = await this.#publish(next[1]);
    };
    await Promise.all(Array.from({ length: sendsAtOnce }, sendNext));
    for (const name of new Set(messages.map((message) => message.name))) {
      for (const consumer of this.#consumers) if (consumer.name === name) consumer.look();
    }
    return reports;
  }

  async consume(options: Parameters<ExecutionQueue["consume"]>[0], handle: Parameters<ExecutionQueue["consume"]>[1]) {
    const { minPollMs, maxPollMs } = this.#options;
    const queue = await this.#queue(toStorageQueueName(options.name, this.#options.namePrefix));
    this.#assertOpen();
    const consumer = new StorageQueueConsumer({
      ...{ queue, minPollMs, maxPollMs, handle, consume: options, clock: this.#clock },
      call: (what, run) => this.#call(what, run),
      decode: (text) => this.#decode(text),
      keepAside: (raw, reason) => this.putAside({ name: options.name, raw, reason }),
      onError: (error) => {
        // Somebody may have deleted it.
        if (isQueueMissing(error)) void this.#create(queue).catch(() => {});
        this.#options.onError?.(toStorageQueueError(error));
      },
    });
    this.#consumers.add(consumer);
    consumer.start();
    return {
      setMaxInFlight: (maxInFlight: number) => consumer.setMaxInFlight(maxInFlight),
      close: () => consumer.close(),
    };
  }

  async putAside({ name, raw, reason }: { name: string; raw: string; reason: string }): Promise<void> {
    const queue = await this.#queue(`${toStorageQueueName(name, this.#options.namePrefix)}${asideSuffix()}`);
    await this.#send(queue, this.#encode(asideText(raw, reason)), 0).catch((error: unknown) => {
      throw toStorageQueueError(error);
    });
  }

  async listPutAside({ name, limit = 1_000 }: { name: string; limit?: number }): Promise<readonly PutAsideMessage[]> {
    const queue = await this.#queue(`${toStorageQueueName(name, this.#options.namePrefix)}${asideSuffix()}`);
    const { peekedMessageItems } = await this.#call("peek", (abortSignal) =>
      queue.peekMessages({ numberOfMessages: Math.max(1, Math.min(mostShown, limit)), abortSignal }),
    ).catch((error: unknown) => {
      throw toStorageQueueError(error);
    });
    return peekedMessageItems.slice(0, limit).map(({ messageText }) => fromAsideText(this.#decode(messageText)));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const ended = Promise.all([...this.#consumers].map((consumer) => consumer.end()));
    // A server that is dead keeps hidden what it has handed out until that comes back by itself.
    await inTime(this.#clock, "storage queue, close", ended, closeMs).catch(() => {});
    for (const call of this.#calls) call.abort();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new CoordinatorClosedError("the storage queue is closed");
  }

  /** Of this name, created when this process uses it for the first time. */
  async #queue(queueName: string): Promise<StorageQueueClientLike> {
    this.#assertOpen();
    let queue = this.#queues.get(queueName);
    if (queue === undefined) {
      queue = this.#openQueue(queueName);
      this.#queues.set(queueName, queue);
      queue.catch(() => this.#queues.delete(queueName));
    }
    return queue;
  }

  async #openQueue(queueName: string): Promise<StorageQueueClientLike> {
    const { client, connectionString = "" } = this.#options;
    this.#service ??= client === undefined ? openStorageQueues(connectionString, this.#operationTimeoutMs) : Promise.resolve(client);
    this.#service.catch(() => {
      this.#service = undefined;
    });
    const queue = (await this.#service).getQueueClient(queueName);
    await this.#create(queue);
    return queue;
  }

  async #create(queue: StorageQueueClientLike): Promise<void> {
    await this.#call("create", (abortSignal) => queue.createIfNotExists({ abortSignal })).catch((error: unknown) => {
      throw toStorageQueueError(error);
    });
  }

  async #publish(message: QueueMessage): Promise<PublishReport> {
    const text = this.#encode(toMessageText(message));
    if (text.length > longestText) return { published: false, reason: "tooLarge" };
    const seconds = toSeconds(message.delayMs ?? 0);
    try {
      const queue = await this.#queue(toStorageQueueName(message.name, this.#options.namePrefix));
      await this.#send(queue, text, seconds);
      return { published: true };
    } catch (error) {
      const cause = toStorageQueueError(error);
      if (isTooLarge(error)) return { published: false, reason: "tooLarge", cause };
      if (cause instanceof StoreUnavailableError) return { published: false, reason: "unavailable", cause };
      throw cause;
    }
  }

  async #send(queue: StorageQueueClientLike, text: string, visibilityTimeout: number): Promise<void> {
    // By default a message would be gone after 7 days.
    const send = () =>
      this.#call("send", (abortSignal) => queue.sendMessage(text, { visibilityTimeout, messageTimeToLive: -1, abortSignal }));
    await send().catch(async (error: unknown) => {
      if (!isQueueMissing(error)) throw error;
      await this.#create(queue);
      await send();
    });
  }

  async #call<Result>(what: string, run: (abortSignal: AbortSignal) => Promise<Result>): Promise<Result> {
    const call = new AbortController();
    this.#calls.add(call);
    try {
      return await inTime(this.#clock, `storage queue, ${what}`, run(call.signal), this.#operationTimeoutMs);
    } catch (error) {
      call.abort();
      throw error;
    } finally {
      this.#calls.delete(call);
    }
  }

  #encode(text: string): string {
    return this.#options.encoding === "text" ? escapeXml(text) : Buffer.from(text).toString("base64");
  }

  #decode(text: string): string {
    if (this.#options.encoding === "text") return text;
    const bytes = Buffer.from(text, "base64");
    return bytes.toString("base64") === text ? bytes.toString() : text;
  }
}

/** Messages travel in XML, which cannot have all that JSON may have as it is. */
function escapeXml(json: string): string {
  return json.replace(/[\ufffe\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

/** Both within what a message can hold; what is too long loses its end. */
function asideText(raw: string, reason: string): string {
  for (let kept = raw.length; ; kept = Math.floor(kept / 2)) {
    const text = JSON.stringify({ raw: raw.slice(0, kept), reason: reason.slice(0, 1_000) });
    if (kept === 0 || Buffer.byteLength(text) * 4 <= longestText * 3 - 16) return text;
  }
}

function fromAsideText(text: string): PutAsideMessage {
  try {
    const { raw, reason } = JSON.parse(text) as { raw?: unknown; reason?: unknown };
    if (typeof raw === "string" && typeof reason === "string") return { raw, reason };
  } catch {
    // Somebody else has put it there.
  }
  return { raw: text, reason: "" };
}
