import { createSystemClock } from "../../core/system-clock.ts";
import { InvalidOptionsError } from "../../model/errors.ts";
import * as check from "../../model/option-check.ts";
import { toMessageText } from "../../model/queue-message.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionQueue, QueueCapabilities } from "../../ports/execution-queue.ts";
import { listRabbitmqAside } from "./rabbitmq-aside.ts";
import { RabbitmqConnection } from "./rabbitmq-connection.ts";
import { RabbitmqConsumer } from "./rabbitmq-consumer.ts";
import { longestDelayMs, rabbitmqNames } from "./rabbitmq-names.ts";
import { maxMessageBytes, RabbitmqPublisher } from "./rabbitmq-publisher.ts";

/** How a RabbitMQ queue works. */
export interface RabbitmqQueueOptions {
  /** Where the broker is: `amqp://user:password@host:5672/vhost`, or `amqps://`. */
  url: string;
  /** What the names of all its queues and exchanges begin with. Letters, digits, `_` and `-`. Default `actorfleet`. */
  namePrefix?: string;
  /** How long the broker may take to answer before a call gives up: with `unavailable`, or `StoreUnavailableError`; 10 000. */
  operationTimeoutMs?: number;
  /** For time limits and pauses alone: delays are the broker's. The system's. */
  clock?: Clock;
}

/** What a RabbitMQ queue can do. */
export const rabbitmqQueueCapabilities: QueueCapabilities = {
  order: "fifo",
  visibilityTimeout: false,
  delay: true,
  maxDelayMs: longestDelayMs,
  priority: false,
  deliveryCount: true,
  listsPutAside: true,
  durable: true,
  maxMessageBytes,
};

const checkOptions = check.fields(
  {
    url: check.text,
    namePrefix: check.text,
    operationTimeoutMs: check.positiveMilliseconds,
    clock: check.clock,
  },
  ["url"],
);

/**
 * A queue on a RabbitMQ broker (3.10 or newer): quorum queues, published with confirms. Queues and exchanges are declared as they are needed,
 * again after the broker has lost them. A loan ends with its connection; the broker ends it, too, after its `consumer_timeout`. Delays are
 * up to 49 days.
 */
export function createRabbitmqQueue(options: RabbitmqQueueOptions): ExecutionQueue {
  checkOptions(options, "options");
  const { url, namePrefix = "actorfleet", operationTimeoutMs = 10_000, clock = createSystemClock() } = options;
  checkUrl(url);
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(namePrefix)) {
    throw new InvalidOptionsError({ field: "namePrefix", expected: "1 to 40 letters, digits, _ or -", received: namePrefix });
  }
  const names = rabbitmqNames(namePrefix);
  // The broker stops reading from connections that publish when it is full; what is settled has to pass then all the more.
  const publishing = new RabbitmqConnection({ url, operationTimeoutMs, clock });
  const consuming = new RabbitmqConnection({ url, operationTimeoutMs, clock });
  const publisher = new RabbitmqPublisher(publishing, names, clock);
  const consumers = new Set<RabbitmqConsumer>();
  let closing: Promise<void> | undefined;
  let looking: Promise<unknown> = Promise.resolve();
  return {
    capabilities: rabbitmqQueueCapabilities,
    publish: (messages) =>
      publisher.publish(
        messages.map((message) => ({
          name: message.name,
          raw: toMessageText(message),
          ...(message.delayMs !== undefined && { delayMs: message.delayMs }),
        })),
      ),
    async consume(request, handle) {
      const consumer = new RabbitmqConsumer({
        ...{ connection: consuming, names, clock, handle, name: request.name, maxInFlight: request.maxInFlight },
        publish: async (message) => (await publisher.publish([message]))[0]?.published === true,
      });
      await consumer.open();
      consumers.add(consumer);
      return {
        setMaxInFlight: (maxInFlight) => consumer.setMaxInFlight(maxInFlight),
        close: () => consumer.close(),
      };
    },
    listPutAside({ name, limit = 1_000 }) {
      // One after the other: while one looks, the others see nothing.
      const look = () => listRabbitmqAside(consuming, names, name, limit);
      const looked = looking.then(look, look);
      looking = looked;
      return looked;
    },
    close() {
      closing ??= (async () => {
        await consuming.close(() => Promise.all([...consumers].map((consumer) => consumer.end())));
        await publishing.close();
      })();
      return closing;
    },
  };
}

function checkUrl(url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  // What came is not shown: it may hold a password.
  if (protocol !== "amqp:" && protocol !== "amqps:") {
    throw new InvalidOptionsError({ field: "url", expected: "a URL that begins with amqp:// or amqps://", received: undefined });
  }
}
