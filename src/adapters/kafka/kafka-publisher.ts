import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { PublishReport } from "../../ports/execution-queue.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { isFinal, isTooLarge, toQueueError } from "./kafka-errors.ts";
import type { KafkaOutgoing, KafkaProducerClient } from "./kafka-sdk.ts";
import type { KafkaTopics } from "./kafka-topics.ts";

/** All copies that are in step have it. */
const acks = -1;

/** Writes messages, and knows which of them were taken. What was written twice is harmless, so whatever is in doubt is repeated. */
export class KafkaPublisher {
  readonly #connection: KafkaConnection;
  readonly #topics: KafkaTopics;
  #producer: Promise<KafkaProducerClient> | undefined;

  constructor(connection: KafkaConnection, topics: KafkaTopics) {
    this.#connection = connection;
    this.#topics = topics;
  }

  /** Messages of one topic. Rejects where no message ever could be taken. */
  async publish(topic: string, messages: readonly KafkaOutgoing[], partitions?: number): Promise<readonly PublishReport[]> {
    const stop = { isOver: false };
    try {
      return await this.#connection.inTime(
        "publish",
        this.#ready(topic, partitions).then((producer) => this.#send(producer, messages, stop)),
      );
    } catch (error) {
      const cause = toQueueError(error, "the messages were not taken");
      if (!(cause instanceof StoreUnavailableError)) throw cause;
      return messages.map(() => ({ published: false, reason: "unavailable", cause }));
    } finally {
      stop.isOver = true;
    }
  }

  /** One message; rejects unless it was taken. */
  async put(message: KafkaOutgoing, partitions?: number): Promise<void> {
    const [report] = await this.publish(message.topic, [message], partitions);
    if (report?.published !== true) throw new StoreUnavailableError("Kafka did not take a message", report?.cause);
  }

  async #ready(topic: string, partitions: number | undefined): Promise<KafkaProducerClient> {
    this.#connection.assertOpen();
    await this.#topics.ready(topic, partitions);
    // Whatever fails is repeated here, as a whole: the client's own repetitions would send all to where the first message belongs.
    this.#producer ??= this.#connection
      .open(({ Producer }) => Producer, { retries: 0, repeatOnStaleMetadata: false })
      .catch((error: unknown) => {
        this.#producer = undefined;
        throw error;
      });
    return this.#producer;
  }

  async #send(producer: KafkaProducerClient, messages: readonly KafkaOutgoing[], stop: { isOver: boolean }): Promise<PublishReport[]> {
    for (let failures = 1; ; failures++) {
      try {
        await producer.send({ messages: [...messages], acks });
        return messages.map(() => ({ published: true }));
      } catch (error) {
        if (isTooLarge(error)) {
          if (messages.length === 1) return [{ published: false, reason: "tooLarge", cause: error }];
          // One of them is, or they are together.
          const middle = messages.length >> 1;
          const halves = [messages.slice(0, middle), messages.slice(middle)];
          const [first, second] = [await this.#send(producer, halves[0] ?? [], stop), await this.#send(producer, halves[1] ?? [], stop)];
          return [...first, ...second];
        }
        if (isFinal(error)) throw error;
        await this.#connection.pause(failures);
        if (stop.isOver) throw error;
        this.#connection.assertOpen();
        producer.clearMetadata();
      }
    }
  }
}
