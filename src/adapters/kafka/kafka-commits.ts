import type { KafkaConnection } from "./kafka-connection.ts";
import { isFenced, toQueueError } from "./kafka-errors.ts";
import type { KafkaConsumerClient } from "./kafka-sdk.ts";
import type { OwnedPartition } from "./owned-partition.ts";

export interface KafkaCommitsOptions {
  readonly connection: KafkaConnection;
  readonly client: KafkaConsumerClient;
  readonly topic: string;
  owned(): Iterable<OwnedPartition>;
}

/** Tells the group how far each partition is settled. One commit at a time: those that overtake each other would set it back. */
export class KafkaCommits {
  readonly #options: KafkaCommitsOptions;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #failures = 0;
  #stopped = false;

  constructor(options: KafkaCommitsOptions) {
    this.#options = options;
  }

  /** Resolves when all that is settled by now is committed; rejects when that is not known. What is settled meanwhile goes together. */
  flush(): Promise<void> {
    this.#next ??= this.#current
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        this.#current = this.#commit();
        return this.#current;
      });
    return this.#next;
  }

  stop(): void {
    this.#stopped = true;
  }

  async #commit(): Promise<void> {
    const { connection, client, topic, owned } = this.#options;
    const moved = [...owned()].flatMap((partition) => {
      const offset = partition.committable;
      return offset === undefined ? [] : [{ partition, offset }];
    });
    if (moved.length === 0 || this.#stopped) return;
    const offsets = moved.map(({ partition, offset }) => ({ topic, partition: partition.index, offset, leaderEpoch: -1 }));
    try {
      await connection.inTime("commit", client.commit({ offsets }));
      this.#failures = 0;
      for (const { partition, offset } of moved) partition.committed = offset;
    } catch (error) {
      // Who is no member any more has no loans either; a rebalance that is under way tells which of them are left.
      if (isFenced(error)) return;
      void this.#again();
      throw toQueueError(error, "offsets were not committed");
    }
  }

  async #again(): Promise<void> {
    this.#failures += 1;
    await this.#options.connection.pause(this.#failures);
    if (!this.#stopped && !this.#options.connection.isClosed) await this.flush().catch(() => {});
  }
}
