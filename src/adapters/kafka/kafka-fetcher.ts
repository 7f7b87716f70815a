import type { KafkaConnection } from "./kafka-connection.ts";
import { isOffsetOutOfRange } from "./kafka-errors.ts";
import { readBatches } from "./kafka-message.ts";
import { earliest, type KafkaConsumerClient, latest } from "./kafka-sdk.ts";
import type { OwnedPartition } from "./owned-partition.ts";

/** How long a broker waits for something to come. */
const maxWaitMs = 500;
/** Hints are small; what is fetched at once is remembered until it is handed out. */
const maxBytes = 1 << 20;
const maxPartitionBytes = 1 << 16;
/** Also what a transaction of somebody else holds back: these messages are in none. */
const readUncommitted = 0;

export interface KafkaFetcherOptions {
  readonly connection: KafkaConnection;
  readonly client: KafkaConsumerClient;
  readonly topic: string;
  /** Partitions of which more is wanted now. */
  wanted(): readonly OwnedPartition[];
  /** There is something in a backlog. */
  fetched(): void;
}

/** Fetches from the leaders of partitions, from each of them one thing at a time. */
export class KafkaFetcher {
  readonly #options: KafkaFetcherOptions;
  readonly #busy = new Set<number>();
  #isLooking = false;
  #failures = 0;
  #stopped = false;

  constructor(options: KafkaFetcherOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** To be called whenever something may have become wanted. */
  look(): void {
    if (this.#stopped || this.#isLooking || this.#options.wanted().length === 0) return;
    this.#isLooking = true;
    void this.#look();
  }

  async #look(): Promise<void> {
    const { client, topic, wanted } = this.#options;
    let waits = false;
    try {
      const { topics } = await client.metadata({ topics: [topic] });
      const found = topics.get(topic);
      const byLeader = new Map<number, OwnedPartition[]>();
      for (const partition of wanted()) {
        const leader = found?.partitions[partition.index]?.leader ?? -1;
        if (leader < 0) waits = true;
        else byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
      }
      for (const [leader, partitions] of byLeader) if (!this.#busy.has(leader)) void this.#fetch(leader, found?.id ?? topic, partitions);
    } catch {
      waits = true;
    }
    if (waits) await this.#backOff();
    this.#isLooking = false;
    if (waits) this.look();
  }

  async #fetch(leader: number, topicId: string, partitions: readonly OwnedPartition[]): Promise<void> {
    const { client, fetched } = this.#options;
    if (this.#stopped) return;
    this.#busy.add(leader);
    const asked = new Map(partitions.map((partition) => [partition.index, { partition, from: partition.next as bigint }]));
    try {
      const response = await client.fetch({
        ...{ node: leader, maxWaitTime: maxWaitMs, minBytes: 1, maxBytes, isolationLevel: readUncommitted },
        topics: [{ topicId, partitions: [...asked.values()].map(({ partition, from }) => toRequest(partition.index, from)) }],
      });
      this.#failures = 0;
      for (const { partitionIndex, records } of response.responses.flatMap((each) => each.partitions)) {
        const question = asked.get(partitionIndex);
        if (question === undefined || question.partition.isLost || question.partition.next !== question.from) continue;
        const read = readBatches(records ?? [], question.from);
        if (read !== undefined) question.partition.fetched(read.messages, read.next);
      }
      fetched();
    } catch (error) {
      if (isOffsetOutOfRange(error)) await this.#findAgain(partitions).catch(() => {});
      await this.#backOff();
    }
    this.#busy.delete(leader);
    this.look();
  }

  async #backOff(): Promise<void> {
    this.#failures += 1;
    await this.#options.connection.pause(this.#failures);
    this.#options.client.clearMetadata();
  }

  /** What was to be fetched next has been deleted by age, or was lost by the brokers. */
  async #findAgain(partitions: readonly OwnedPartition[]): Promise<void> {
    const [first, end] = [await this.offsets(partitions, earliest), await this.offsets(partitions, latest)];
    for (const partition of partitions) {
      const [from, to] = [first.get(partition.index), end.get(partition.index)];
      if (partition.isLost || partition.next === undefined || from === undefined || to === undefined) continue;
      if (partition.next < from) partition.next = from;
      else if (partition.next > to) partition.next = to;
    }
  }

  /** By partition. */
  async offsets(partitions: readonly OwnedPartition[], timestamp: bigint): Promise<ReadonlyMap<number, bigint | undefined>> {
    const { client, topic } = this.#options;
    const indexes = partitions.map(({ index }) => index);
    const offsets = await client.listOffsets({ topics: [topic], partitions: { [topic]: indexes }, timestamp });
    return new Map(indexes.map((index) => [index, offsets.get(topic)?.[index]]));
  }
}

function toRequest(partition: number, fetchOffset: bigint) {
  return { partition, fetchOffset, partitionMaxBytes: maxPartitionBytes, currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
}
