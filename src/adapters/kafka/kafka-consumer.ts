import { fromMessageText } from "../../model/queue-message.ts";
import type { ConsumeOptions, Delivery, QueueConsumer } from "../../ports/execution-queue.ts";
import { KafkaCommits } from "./kafka-commits.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { KafkaFetcher } from "./kafka-fetcher.ts";
import { KafkaMember } from "./kafka-member.ts";
import { deliveriesBefore, type KafkaMessage, toPutAside, toRepetition, withDeliveries } from "./kafka-message.ts";
import type { KafkaNames } from "./kafka-names.ts";
import type { KafkaPublisher } from "./kafka-publisher.ts";
import { earliest, type KafkaConsumerClient, type KafkaGeneration } from "./kafka-sdk.ts";
import { OwnedPartition } from "./owned-partition.ts";

export interface KafkaConsumerOptions {
  readonly connection: KafkaConnection;
  readonly publisher: KafkaPublisher;
  readonly names: KafkaNames;
  readonly options: ConsumeOptions;
  handle(delivery: Delivery): void;
  /** It has left its group. */
  ended(consumer: KafkaConsumer): void;
}

/**
 * Hands out what lies in the partitions that its group gave to it. Beside the member of the group it has a client that reads and one that
 * commits, as a broker answers the requests of a connection in turn, and a fetch may be long in coming.
 */
export class KafkaConsumer implements QueueConsumer {
  readonly #options: KafkaConsumerOptions;
  readonly #reader: KafkaConsumerClient;
  readonly #committer: KafkaConsumerClient;
  readonly #fetcher: KafkaFetcher;
  readonly #commits: KafkaCommits;
  readonly #member: KafkaMember;
  #partitions = new Map<number, OwnedPartition>();
  #generation: KafkaGeneration | undefined;
  #maxInFlight: number;
  #isHandingOut = false;
  /** More is handed out. */
  #isOpen = true;
  #ending: Promise<void> | undefined;
  #endTimer: unknown;

  private constructor(options: KafkaConsumerOptions, reader: KafkaConsumerClient, committer: KafkaConsumerClient) {
    this.#options = options;
    this.#reader = reader;
    this.#committer = committer;
    this.#maxInFlight = options.options.maxInFlight;
    const { connection, names } = options;
    const { topic } = names;
    this.#fetcher = new KafkaFetcher({ connection, client: reader, topic, wanted: () => this.#wanted(), fetched: () => this.#handOut() });
    this.#commits = new KafkaCommits({ connection, client: committer, topic, owned: () => this.#partitions.values() });
    this.#member = new KafkaMember({
      ...{ connection, group: topic, topic },
      assigned: (generation) => this.#assigned(generation),
      expelled: () => this.#keep([]),
      owned: () => this.#partitions.keys(),
      beforeRejoin: () => this.#commits.flush(),
    });
  }

  /** Resolves when it is a member of its group. */
  static async open(options: KafkaConsumerOptions): Promise<KafkaConsumer> {
    const { connection, names } = options;
    const open = () => connection.openConsumer(names.topic, names.topic, { retries: 0, retryDelay: 100 });
    const consumer = new KafkaConsumer(options, await open(), await open());
    try {
      await consumer.#member.join();
      return consumer;
    } catch (error) {
      await consumer.end();
      connection.assertOpen();
      throw error;
    }
  }

  setMaxInFlight(maxInFlight: number): void {
    this.#maxInFlight = maxInFlight;
    this.#handOut();
  }

  /** It stays a member while something is on loan, so that this can be settled, but not for longer than a loan may last. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#fetcher.stop();
    if (this.#loans() === 0) return this.end();
    const { connection, options } = this.#options;
    this.#endTimer = connection.options.clock.setTimeout(() => void this.end(), options.visibilityTimeoutMs, true);
  }

  /** What is on loan is lost, and what is settled is committed. Never rejects. */
  end(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    const { connection, ended } = this.#options;
    this.#isOpen = false;
    connection.options.clock.clearTimeout(this.#endTimer);
    this.#fetcher.stop();
    await connection.inTime("commit", this.#commits.flush(), Math.min(1_000, connection.options.operationTimeoutMs)).catch(() => {});
    this.#keep([]);
    this.#commits.stop();
    await Promise.all([this.#member.leave(), connection.dispose(this.#reader), connection.dispose(this.#committer)]);
    ended(this);
  }

  #assigned(generation: KafkaGeneration): void {
    const before = this.#generation;
    const { topic } = this.#options.names;
    const indexes = (generation.assignments ?? []).flatMap((each) => (each.topic === topic ? each.partitions : []));
    // Whoever has missed a generation does not know who had its partitions meanwhile.
    const stayed = before?.memberId === generation.memberId && before.generationId + 1 === generation.generationId;
    this.#keep(stayed ? indexes : []);
    this.#generation = generation;
    this.#committer.memberId = generation.memberId;
    this.#committer.generationId = generation.generationId;
    const fresh = indexes.filter((index) => !this.#partitions.has(index)).map((index) => new OwnedPartition(index));
    for (const partition of fresh) this.#partitions.set(partition.index, partition);
    if (fresh.length > 0) void this.#findPlaces(fresh);
    void this.#commits.flush().catch(() => {});
    this.#handOut();
  }

  /** All others are lost. */
  #keep(indexes: readonly number[]): void {
    for (const [index, partition] of this.#partitions) {
      if (indexes.includes(index)) continue;
      partition.lose();
      this.#partitions.delete(index);
    }
  }

  /** Where the group had got to, or else the oldest message there is. */
  async #findPlaces(partitions: readonly OwnedPartition[]): Promise<void> {
    const { connection, names } = this.#options;
    const { topic } = names;
    for (let failures = 1; ; failures++) {
      const open = partitions.filter(({ isLost, next }) => !isLost && next === undefined);
      if (open.length === 0 || !this.#isOpen) return;
      try {
        const committed = await this.#committer.listCommittedOffsets({ topics: [{ topic, partitions: open.map(({ index }) => index) }] });
        const offsetOf = (partition: OwnedPartition) => committed.get(topic)?.[partition.index] ?? -1n;
        const unknown = open.filter((partition) => offsetOf(partition) < 0n);
        const first = unknown.length === 0 ? new Map() : await this.#fetcher.offsets(unknown, earliest);
        for (const partition of open) {
          const offset = offsetOf(partition) < 0n ? first.get(partition.index) : offsetOf(partition);
          if (offset !== undefined && offset >= 0n) partition.startAt(offset);
        }
        this.#fetcher.look();
      } catch {
        // The broker that knows it is found again.
      }
      if (open.some(({ next }) => next === undefined)) {
        await connection.pause(failures);
        if (connection.isClosed) return;
        this.#committer.clearMetadata();
      }
    }
  }

  #wanted(): OwnedPartition[] {
    if (!this.#isOpen || this.#loans() >= this.#maxInFlight) return [];
    return [...this.#partitions.values()].filter(({ next, backlog }) => next !== undefined && backlog.length === 0);
  }

  /** Not at once: whoever settles a message in the moment that it gets it is not called again within that call. */
  #handOut(): void {
    if (this.#isHandingOut) return;
    this.#isHandingOut = true;
    queueMicrotask(() => {
      this.#isHandingOut = false;
      this.#handOutNow();
    });
  }

  /** Partitions take turns. */
  #handOutNow(): void {
    for (let found = true; found && this.#isOpen; ) {
      found = false;
      for (const partition of [...this.#partitions.values()]) {
        if (this.#loans() >= this.#maxInFlight || !this.#isOpen) break;
        const message = partition.backlog.shift();
        if (message === undefined) continue;
        found = true;
        this.#lend(partition, message);
      }
    }
    this.#fetcher.look();
  }

  #lend(partition: OwnedPartition, message: KafkaMessage): void {
    const { publisher, names, handle } = this.#options;
    const deliveryCount = deliveriesBefore(message) + 1;
    let onLoan = true;
    partition.loans += 1;
    const settle = async (write?: () => Promise<void>): Promise<void> => {
      if (!onLoan || partition.isLost) return;
      onLoan = false;
      const isWritten = write === undefined || (await this.#tries(write));
      if (partition.isLost) return;
      partition.loans -= 1;
      // What could not be written elsewhere is handed out again here, or comes to whoever gets the partition.
      if (isWritten) partition.settled(message.offset);
      else partition.backlog.unshift(withDeliveries(message, deliveryCount));
      const committed = isWritten ? this.#commits.flush() : undefined;
      this.#handOut();
      if (!this.#isOpen && this.#loans() === 0) void this.end();
      await committed;
    };
    const raw = message.value.toString();
    handle({
      message: fromMessageText(raw),
      raw,
      deliveryCount,
      ack: () => settle(),
      // At the end of its partition it holds up nothing.
      nack: () => settle(() => publisher.put(toRepetition(names.topic, message, deliveryCount))),
      extend: async () => onLoan && !partition.isLost,
      putAside: (reason) => settle(() => publisher.put(toPutAside(names.aside, message, reason), 1)),
    });
  }

  async #tries(write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      return true;
    } catch {
      await this.#options.connection.pause(1);
      return false;
    }
  }

  #loans(): number {
    let loans = 0;
    for (const partition of this.#partitions.values()) loans += partition.loans;
    return loans;
  }
}
