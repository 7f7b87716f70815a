import { createSystemClock } from "../../core/system-clock.ts";
import { InvalidOptionsError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import { toMessageText } from "../../model/queue-message.ts";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionQueue, PublishReport, QueueCapabilities, QueueMessage } from "../../ports/execution-queue.ts";
import { checkRedisAddress } from "./redis-address.ts";
import type { RedisClientLike } from "./redis-client.ts";
import type { NewBullmqJob } from "./redis-queue-bullmq.ts";
import { RedisQueueConnection } from "./redis-queue-connection.ts";
import { RedisQueueConsumer } from "./redis-queue-consumer.ts";

/** How a Redis queue works. */
export interface RedisQueueOptions {
  /** Where the server is, as `redis://…` or `rediss://…`; the queue makes and closes its own connections. */
  url?: string;
  /**
   * Instead: a client of `ioredis`, without a `keyPrefix` and with `maxRetriesPerRequest: null`. It stays the caller's; each consumer waits on
   * a duplicate of it.
   */
  client?: RedisClientLike;
  /** What all keys begin with; without braces. Default `actorfleet`. */
  keyPrefix?: string;
  /** How long an answer may take before the call gives up: with `unavailable`, or `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** Of delays, and for time limits and pauses. The system's. */
  clock?: Clock;
}

const maxMessageBytes = 1_048_576;

/** What a Redis queue can do; `durable` where the server has an append-only file. */
export const redisQueueCapabilities: QueueCapabilities = {
  order: "fifo",
  visibilityTimeout: true,
  delay: true,
  priority: true,
  deliveryCount: true,
  listsPutAside: true,
  durable: true,
  maxMessageBytes,
};

const checkOptions = check.fields({
  url: check.text,
  client: check.having("call", "duplicate", "on"),
  keyPrefix: check.text,
  operationTimeoutMs: check.positiveMilliseconds,
  clock: check.clock,
});

/**
 * A queue in a Redis server, by BullMQ: a message is a job, a loan its lock, and what was put aside its failed jobs. Priorities beyond
 * ±1,048,575 count as that. A loan that nobody settled is found up to a visibility timeout after its end.
 *
 * @throws {InvalidOptionsError}
 */
export function createRedisQueue(options: RedisQueueOptions): ExecutionQueue {
  checkOptions(options, "options");
  checkRedisAddress(options);
  const retries = options.client?.options?.maxRetriesPerRequest;
  // BullMQ takes no other, and says so only when it has opened a connection.
  if (retries) throw new InvalidOptionsError({ field: "client", expected: "a client with maxRetriesPerRequest: null", received: retries });
  const { url, client, keyPrefix = "actorfleet", operationTimeoutMs = 10_000, clock = createSystemClock() } = options;
  const connection = new RedisQueueConnection({ url, client, keyPrefix, operationTimeoutMs, clock });
  const consumers = new Set<RedisQueueConsumer>();
  let closing: Promise<void> | undefined;

  async function publishOf(name: string, messages: readonly QueueMessage[]): Promise<PublishReport> {
    try {
      const queue = await connection.queue(name);
      await connection.inTime(queue.addBulk(messages.map(toJob)));
      return { published: true };
    } catch (cause) {
      connection.assertOpen();
      if (!(cause instanceof StoreUnavailableError)) throw cause;
      return { published: false, reason: "unavailable", cause };
    }
  }

  return {
    get capabilities(): QueueCapabilities {
      return { ...redisQueueCapabilities, durable: connection.isDurable };
    },
    async publish(messages) {
      connection.assertOpen();
      const reports = messages.map(sizeReport);
      const fitting = messages.filter((_, index) => reports[index] === undefined);
      const names = [...new Set(fitting.map(({ name }) => name))];
      // All of a name go out in one transaction.
      const byName = new Map(
        await Promise.all(
          names.map(
            async (name) =>
              [
                name,
                await publishOf(
                  name,
                  fitting.filter((message) => message.name === name),
                ),
              ] as const,
          ),
        ),
      );
      return messages.map(({ name }, index) => reports[index] ?? (byName.get(name) as PublishReport));
    },
    async consume(request, handle) {
      const consumer = new RedisQueueConsumer({ ...request, connection, clock, handle, ended: (over) => void consumers.delete(over) });
      // From now on: a close in the meantime ends it.
      consumers.add(consumer);
      try {
        await consumer.open();
      } catch (error) {
        consumers.delete(consumer);
        throw error;
      }
      return {
        setMaxInFlight: (maxInFlight) => consumer.setMaxInFlight(maxInFlight),
        close: async () => consumer.close(),
      };
    },
    async listPutAside({ name, limit = 1_000 }) {
      const queue = await connection.queue(name);
      const jobs = await connection.inTime(queue.getJobs(["failed"], 0, limit - 1, true));
      return jobs.map(({ data, failedReason = "" }) => ({
        raw: typeof data === "string" ? data : JSON.stringify(data),
        reason: failedReason,
      }));
    },
    close() {
      closing ??= connection.close(() => Promise.all([...consumers].map((consumer) => consumer.end())));
      return closing;
    },
  };
}

const middlePriority = 2 ** 20;

/**
 * BullMQ serves 1 before 2, up to 2^21 - 1, and what has no priority before all: so that ours may also be below 0, which is the usual one,
 * every job has a priority, and ours is turned around the middle.
 */
function toJob(message: QueueMessage): NewBullmqJob {
  const { priority = 0, delayMs = 0 } = message;
  const within = Math.max(1 - middlePriority, Math.min(middlePriority - 1, Math.round(priority)));
  return {
    name: "execution",
    data: toMessageText(message),
    opts: {
      priority: middlePriority - within,
      removeOnComplete: true,
      removeOnFail: false,
      ...(delayMs > 0 && { delay: Math.ceil(delayMs) }),
    },
  };
}

function sizeReport(message: QueueMessage): PublishReport | undefined {
  const bytes = Buffer.byteLength(toMessageText(message));
  if (bytes <= maxMessageBytes) return undefined;
  const cause = new RangeError(`a message of ${bytes} bytes; the Redis queue takes up to ${maxMessageBytes}`);
  return { published: false, reason: "tooLarge", cause };
}
