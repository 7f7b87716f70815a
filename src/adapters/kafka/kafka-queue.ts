import { createSystemClock } from "../../core/system-clock.ts";
import { type QueueMessage, toMessageText } from "../../model/queue-message.ts";
import type { ExecutionQueue, PublishReport, QueueCapabilities } from "../../ports/execution-queue.ts";
import { readPutAside } from "./kafka-aside.ts";
import { KafkaConnection } from "./kafka-connection.ts";
import { KafkaConsumer } from "./kafka-consumer.ts";
import { toQueueError } from "./kafka-errors.ts";
import { kafkaNames } from "./kafka-names.ts";
import { checkKafkaOptions, type KafkaQueueOptions } from "./kafka-options.ts";
import { KafkaPublisher } from "./kafka-publisher.ts";
import type { KafkaOutgoing } from "./kafka-sdk.ts";
import { KafkaTopics } from "./kafka-topics.ts";

const capabilities: QueueCapabilities = {
  order: "perGroup",
  visibilityTimeout: false,
  delay: false,
  priority: false,
  deliveryCount: false,
  listsPutAside: true,
  durable: true,
  // What brokers take by default.
  maxMessageBytes: 1_048_576,
};

/**
 * A queue of topics on a Kafka cluster (2.4 or newer): one of messages and one of what was put aside for each coordinator name. Workers of a
 * name are one consumer group; messages of one execution group share a partition and keep their order, but for those that were refused, which
 * go to its end. A worker that dies gives its partitions to others after `sessionTimeoutMs`, with all that was not settled.
 */
export function createKafkaQueue(options: KafkaQueueOptions): ExecutionQueue {
  checkKafkaOptions(options);
  const { brokers, namePrefix = "actorfleet", topics: missing = "create", partitions = 12, replicas, tls, sasl } = options;
  const { clientId = "actorfleet", operationTimeoutMs = 10_000, sessionTimeoutMs = 30_000, clock = createSystemClock() } = options;
  const connection = new KafkaConnection({
    ...{ brokers: typeof brokers === "string" ? [brokers] : [...brokers], tls, sasl, clientId },
    ...{ operationTimeoutMs, sessionTimeoutMs, clock },
  });
  const topics = new KafkaTopics(connection, { topics: missing, partitions, replicas });
  const publisher = new KafkaPublisher(connection, topics);
  const consumers = new Set<KafkaConsumer>();
  const opening = new Set<Promise<KafkaConsumer>>();
  let closing: Promise<void> | undefined;

  async function close(): Promise<void> {
    await Promise.all([...consumers].map((consumer) => consumer.end()));
    await connection.close();
    await Promise.allSettled(opening);
  }

  return {
    capabilities,

    async publish(messages) {
      connection.assertOpen();
      await connection.load();
      const reports = new Array<PublishReport>(messages.length);
      const byName = new Map<string, number[]>();
      for (const [index, { name }] of messages.entries()) {
        const indexes = byName.get(name) ?? [];
        indexes.push(index);
        byName.set(name, indexes);
      }
      const publishOf = async ([name, indexes]: [string, number[]]) => {
        const { topic } = kafkaNames(namePrefix, name);
        const report = await publisher.publish(
          topic,
          indexes.map((index) => toOutgoing(topic, messages[index] as QueueMessage)),
        );
        for (const [place, index] of indexes.entries()) reports[index] = report[place] as PublishReport;
      };
      await Promise.all([...byName].map(publishOf));
      return reports;
    },

    async consume(consumeOptions, handle) {
      connection.assertOpen();
      const names = kafkaNames(namePrefix, consumeOptions.name);
      const ended = (consumer: KafkaConsumer) => void consumers.delete(consumer);
      const open = async () => {
        await connection.load();
        await topics.ready(names.topic);
        return KafkaConsumer.open({ connection, publisher, names, options: consumeOptions, handle, ended });
      };
      const opened = open();
      opening.add(opened);
      try {
        const consumer = await opened;
        if (connection.isClosed) await consumer.end();
        connection.assertOpen();
        consumers.add(consumer);
        return consumer;
      } catch (error) {
        connection.assertOpen();
        throw toQueueError(error, "the consumer could not start");
      } finally {
        opening.delete(opened);
      }
    },

    async listPutAside({ name, limit = 1_000 }) {
      connection.assertOpen();
      await connection.load();
      return readPutAside(connection, topics, kafkaNames(namePrefix, name).aside, limit);
    },

    close() {
      closing ??= close();
      return closing;
    },
  };
}

function toOutgoing(topic: string, message: QueueMessage): KafkaOutgoing {
  return { topic, key: Buffer.from(message.group ?? message.executionId), value: Buffer.from(toMessageText(message)) };
}
