import { InvalidOptionsError } from "../../model/errors.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { isExistingTopic, isFinal, isUnknownTopic, reasonsOf } from "./kafka-errors.ts";
import type { KafkaAdminClient } from "./kafka-sdk.ts";

export interface KafkaTopicsOptions {
  readonly topics: "create" | "auto" | "expect";
  readonly partitions: number;
  readonly replicas: number | undefined;
}

/** Sees to it that topics are there before they are used. */
export class KafkaTopics {
  readonly #connection: KafkaConnection;
  readonly #options: KafkaTopicsOptions;
  readonly #known = new Map<string, Promise<void>>();
  #admin: Promise<KafkaAdminClient> | undefined;

  constructor(connection: KafkaConnection, options: KafkaTopicsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Resolves when the topic is there; after a failure the next call tries again. */
  ready(topic: string, partitions = this.#options.partitions): Promise<void> {
    let known = this.#known.get(topic);
    if (known === undefined) {
      const stop = { isOver: false };
      known = this.#connection.inTime("metadata", this.#makeReady(topic, partitions, stop)).catch((error: unknown) => {
        stop.isOver = true;
        this.#known.delete(topic);
        throw error;
      });
      this.#known.set(topic, known);
    }
    return known;
  }

  async isThere(topic: string): Promise<boolean> {
    try {
      const admin = await this.#open();
      const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true });
      return topics.get(topic) !== undefined;
    } catch (error) {
      if (isUnknownTopic(error)) return false;
      throw error;
    }
  }

  async #makeReady(topic: string, partitions: number, stop: { isOver: boolean }): Promise<void> {
    const { topics: missing, replicas } = this.#options;
    const admin = await this.#open();
    for (let failures = 1; ; failures++) {
      try {
        if (missing === "auto") {
          await admin.metadata({ topics: [topic], autocreateTopics: true, forceUpdate: true });
          return;
        }
        if (await this.isThere(topic)) return;
        if (missing === "expect") {
          throw new InvalidOptionsError({ field: "topics", expected: `the brokers to have the topic ${topic}`, received: missing });
        }
        // The brokers' default number of copies.
        await admin.createTopics({ topics: [topic], partitions, replicas: replicas ?? -1 }).catch((error: unknown) => {
          if (isExistingTopic(error)) return;
          if (!isFinal(error)) throw error;
          const expected = `brokers that create the topic ${topic} when asked to; they said: ${reasonsOf(error)}`;
          throw new InvalidOptionsError({ field: "topics", expected, received: missing });
        });
      } catch (error) {
        if (isFinal(error) || stop.isOver) throw error;
      }
      // It takes a moment until all brokers know of it, and it has a leader.
      await this.#connection.pause(failures);
      this.#connection.assertOpen();
    }
  }

  #open(): Promise<KafkaAdminClient> {
    this.#admin ??= this.#connection
      .open(({ Admin }) => Admin)
      .catch((error: unknown) => {
        this.#admin = undefined;
        throw error;
      });
    return this.#admin;
  }
}
