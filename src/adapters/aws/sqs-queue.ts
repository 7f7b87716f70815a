import { createSystemClock } from "../../core/system-clock.ts";
import { CoordinatorClosedError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import { StoreUnavailableError, UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionQueue, QueueCapabilities } from "../../ports/execution-queue.ts";
import { type AwsCredentials, identity } from "./aws-access.ts";
import type { SqsClientLike } from "./sqs-client.ts";
import { SqsConnection } from "./sqs-connection.ts";
import { SqsConsumer } from "./sqs-consumer.ts";
import { isLoanLost } from "./sqs-errors.ts";
import { longestDelayMs, mostBytes, publishToSqs } from "./sqs-publisher.ts";
import { sqsGroupId, sqsNames } from "./sqs-queue-names.ts";
import { SqsRemovals } from "./sqs-removals.ts";

/** How a queue on Amazon SQS works. Without `client` it makes and closes its own; what is not said here comes from the environment, as the SDK reads it. */
export interface SqsQueueOptions {
  /** An `SQSClient` of `@aws-sdk/client-sqs` that stays the caller's. */
  client?: SqsClientLike;
  region?: string;
  /** Of the service, such as an emulator's. */
  endpoint?: string;
  credentials?: AwsCredentials;
  /** Before each queue's name, which is that of the coordinator with other characters than letters, digits, `-` and `_` escaped; `actorfleet-`. */
  namePrefix?: string;
  /** Queues that are missing are created; false where that is done elsewhere. Default true. */
  create?: boolean;
  /** FIFO queues: a group's messages come in order, one at a time, and none can be delayed. Default false. */
  fifo?: boolean;
  /** The queue for what is put aside, such as the one of a redrive policy; by default one for each name, which ends in `-aside`. */
  deadLetterQueue?: string;
  /** How long one request waits at the service for messages, in whole seconds, at most 20; 20 000. */
  waitMs?: number;
  /** How long a request may take, waiting for messages not counted; 10 000. */
  operationTimeoutMs?: number;
  /** Told what keeps a consumer from its messages, such as a permission that is missing; it tries again. Nothing is done by default. */
  onError?(error: unknown): void;
  /** For time limits, pauses and the ends of loans. The system's. */
  clock?: Clock;
}

/** What a queue on SQS can do. */
export function sqsQueueCapabilities({ fifo = false }: Pick<SqsQueueOptions, "fifo"> = {}): QueueCapabilities {
  return {
    order: fifo ? "perGroup" : "loose",
    visibilityTimeout: true,
    ...(fifo ? { delay: false } : { delay: true, maxDelayMs: longestDelayMs }),
    priority: false,
    deliveryCount: true,
    // To look is to receive: what is seen is hidden from others, and not all is seen.
    listsPutAside: false,
    durable: true,
    maxMessageBytes: mostBytes,
  };
}

/** How long a close waits for the service. */
const closeMs = 1_000;

const queueName = check.either("at most 40 letters, digits, - and _", (value, field) => {
  if (typeof value !== "string" || !/^[\w-]{0,40}$/.test(value)) throw new TypeError(field);
});
const wholeQueueName = check.either("1 to 80 letters, digits, - and _, with .fifo at the end of a FIFO queue's", (value, field) => {
  if (typeof value !== "string" || value.length > 80 || !/^[\w-]+(\.fifo)?$/.test(value)) throw new TypeError(field);
});
const waitTime = check.either("whole seconds from 1 000 to 20 000", (value, field) => {
  check.numberBetween(1_000, 20_000)(value, field);
  if ((value as number) % 1_000 !== 0) throw new TypeError(field);
});

/**
 * A queue on Amazon SQS. Delays and loans count in whole seconds, rounded up.
 *
 * @example
 * ```ts
 * const queue = createSqsQueue({ region: "eu-central-1" });
 * const coordinator = createDurableCoordinator({ name: "reports", store, queue, orchestrator });
 * ```
 * @throws {InvalidOptionsError}
 */
export function createSqsQueue(options: SqsQueueOptions = {}): ExecutionQueue {
  check.fields({
    client: check.having("send", "destroy"),
    region: check.text,
    endpoint: check.text,
    credentials: identity,
    namePrefix: queueName,
    create: check.flag,
    fifo: check.flag,
    deadLetterQueue: wholeQueueName,
    waitMs: waitTime,
    operationTimeoutMs: check.positiveMilliseconds,
    onError: check.callable,
    clock: check.having("monotonicNow", "setTimeout", "clearTimeout"),
  })(options, "options");
  const { client, region, endpoint, credentials, deadLetterQueue, namePrefix = "actorfleet-", create = true, fifo = false } = options;
  const { waitMs = 20_000, operationTimeoutMs = 10_000, onError, clock = createSystemClock() } = options;
  const connection = new SqsConnection({ client, region, endpoint, credentials, create, operationTimeoutMs, clock });
  const names = sqsNames(namePrefix, { fifo });
  const removals = new Map<string, SqsRemovals>();
  const consumers = new Set<SqsConsumer>();
  let closing: Promise<void> | undefined;

  const assertOpen = () => {
    if (closing !== undefined) throw new CoordinatorClosedError("the SQS queue is closed");
  };

  async function putAside(name: string, raw: string, reason: string): Promise<void> {
    const queue = deadLetterQueue ?? names.asideOf(name);
    const place = queue.endsWith(".fifo") && { groupId: sqsGroupId(name), deduplicationId: globalThis.crypto.randomUUID() };
    const [report] = await connection.send(queue, [{ body: raw, attributes: { reason: toAttribute(reason) }, ...place }]);
    if (report?.done === false) throw new StoreUnavailableError(`SQS did not put a message aside in ${queue}`, report.cause);
  }

  async function hide(queue: string, receiptHandle: string, seconds: number): Promise<boolean> {
    try {
      await connection.changeVisibility(queue, receiptHandle, seconds);
      return true;
    } catch (error) {
      if (isLoanLost(error)) return false;
      throw error;
    }
  }

  async function end(): Promise<void> {
    let timer: unknown;
    const late = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, Math.min(closeMs, operationTimeoutMs));
    });
    await Promise.race([late, Promise.all([...consumers].map((consumer) => consumer.end()))]);
    clock.clearTimeout(timer);
    await connection.close();
  }

  return {
    capabilities: sqsQueueCapabilities({ fifo }),

    async publish(messages) {
      assertOpen();
      return publishToSqs({ connection, names, fifo }, messages);
    },

    async consume({ name, visibilityTimeoutMs, maxInFlight }, handle) {
      assertOpen();
      const queue = names.queueOf(name);
      await connection.open(queue);
      assertOpen();
      const removed = removals.get(queue) ?? new SqsRemovals(connection, queue);
      removals.set(queue, removed);
      const consumer = new SqsConsumer({
        ...{ connection, queue, visibilityTimeoutMs, maxInFlight, waitSeconds: waitMs / 1_000, clock, delays: !fifo, handle },
        remove: (receiptHandle) => removed.remove(receiptHandle),
        hide: (receiptHandle, seconds) => hide(queue, receiptHandle, seconds),
        putAside: (raw, reason) => putAside(name, raw, reason),
        reportError: (error) => onError?.(error),
      });
      consumers.add(consumer);
      return consumer;
    },

    async listPutAside({ name }) {
      assertOpen();
      throw new UnsupportedOperationError(
        `SQS cannot show messages without taking them: look into ${deadLetterQueue ?? names.asideOf(name)}`,
      );
    },

    close() {
      closing ??= end();
      return closing;
    },
  };
}

/** SQS takes no empty text, and not every character. */
function toAttribute(reason: string): string {
  return reason.slice(0, 1_000).replace(/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD]/g, " ") || "no reason given";
}
