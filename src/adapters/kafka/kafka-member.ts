import type { KafkaConnection } from "./kafka-connection.ts";
import { toQueueError } from "./kafka-errors.ts";
import type { KafkaConsumerClient, KafkaGeneration, KafkaMetadata } from "./kafka-sdk.ts";
import { assignPartitions, readOwned, writeOwned } from "./sticky-assignment.ts";

export interface KafkaMemberOptions {
  readonly connection: KafkaConnection;
  readonly group: string;
  readonly topic: string;
  /** It owns these partitions from now on, and no others. */
  assigned(generation: KafkaGeneration): void;
  /** It may own nothing any more. */
  expelled(): void;
  owned(): Iterable<number>;
  /** The last moment at which what it owns may still be written about. */
  beforeRejoin(): Promise<void>;
}

type Members = ReadonlyMap<string, { readonly metadata?: Uint8Array | string | null }>;

/** Members whose leaders assign in other ways do not share a group. */
const protocol = "actorfleet-sticky";

/** How long a rebalance waits for the last words about partitions that may move. */
const lastWordsMs = 1_000;

/** A member of a consumer group, which joins again whenever it has lost its place. */
export class KafkaMember {
  readonly #options: KafkaMemberOptions;
  #client: KafkaConsumerClient | undefined;
  #hasJoined = false;
  #left = false;

  constructor(options: KafkaMemberOptions) {
    this.#options = options;
  }

  /** Resolves when it is a member; rejects where it cannot become one. */
  async join(): Promise<void> {
    const { connection, group, topic, assigned, beforeRejoin } = this.#options;
    const { sessionTimeoutMs, operationTimeoutMs } = connection.options;
    const client = await connection.openConsumer(group, topic, {
      ...{ sessionTimeout: sessionTimeoutMs, rebalanceTimeout: sessionTimeoutMs, heartbeatStallTimeout: sessionTimeoutMs },
      heartbeatInterval: Math.min(sessionTimeoutMs / 10, 3_000),
      // A join is answered when the others have joined.
      requestTimeout: sessionTimeoutMs + operationTimeoutMs,
      // Every join asks anew, and so does what finds that something has moved.
      ...{ retries: 5, retryDelay: 100, metadataMaxAge: 300_000 },
      protocols: [{ name: protocol, version: 1 }],
      protocolsMetadata: async () => {
        await connection.inTime("commit", beforeRejoin(), lastWordsMs).catch(() => {});
        return writeOwned(this.#options.owned());
      },
      partitionAssigner: (_leader: string, members: Members, _topics: unknown, { topics }: KafkaMetadata) => {
        // What it takes to ask again gives the others time to say that they wait: librdkafka's mock refuses those who say so later.
        client.clearMetadata();
        const owned = new Map([...members].map(([id, { metadata }]) => [id, readOwned(metadata)]));
        const shares = assignPartitions(owned, topics.get(topic)?.partitions.length ?? 0);
        return [...shares].map(([memberId, partitions]) => ({ memberId, assignments: new Map([[topic, { topic, partitions }]]) }));
      },
    });
    this.#client = client;
    this.#hasJoined = false;
    client.on("consumer:group:join", (generation: KafkaGeneration) => {
      if (client === this.#client) assigned(generation);
    });
    // It says so, and then tries nothing more.
    for (const event of ["error", "consumer:heartbeat:stalled"]) client.on(event, () => this.#expelled(client));
    try {
      await client.joinGroup({});
      this.#hasJoined = true;
    } catch (error) {
      this.#client = undefined;
      void connection.dispose(client);
      throw toQueueError(error, "the consumer could not join its group");
    }
    if (this.#left) await this.leave();
  }

  /** Its partitions go to others at once. */
  async leave(): Promise<void> {
    this.#left = true;
    const client = this.#client;
    this.#client = undefined;
    if (client !== undefined) await this.#options.connection.dispose(client);
  }

  #expelled(client: KafkaConsumerClient): void {
    if (client !== this.#client || !this.#hasJoined || this.#left) return;
    this.#client = undefined;
    this.#options.expelled();
    void this.#options.connection.dispose(client);
    void this.#joinAgain();
  }

  async #joinAgain(): Promise<void> {
    const { connection } = this.#options;
    for (let failures = 1; !this.#left && !connection.isClosed; failures++) {
      await connection.pause(failures);
      if (this.#left || connection.isClosed) return;
      try {
        await this.join();
        return;
      } catch {
        // Until then others have its partitions.
      }
    }
  }
}
