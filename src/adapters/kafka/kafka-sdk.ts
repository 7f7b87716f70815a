import { MissingDependencyError } from "../../model/store-errors.ts";

/** What is used of `@platformatic/kafka`; none of its types is needed by users of this library. */
export interface KafkaSdk {
  readonly Producer: new (options: object) => KafkaProducerClient;
  readonly Consumer: new (options: object) => KafkaConsumerClient;
  readonly Admin: new (options: object) => KafkaAdminClient;
}

export interface KafkaMetadata {
  readonly topics: ReadonlyMap<string, { readonly id: string; readonly partitions: readonly { readonly leader: number }[] } | undefined>;
}

export interface KafkaClient {
  /** Of these topics; cached for some seconds. */
  metadata(options: { topics: string[]; autocreateTopics?: boolean; forceUpdate?: boolean }): Promise<KafkaMetadata>;
  clearMetadata(): void;
  close(): Promise<void>;
  on(event: string, listener: (value: never) => void): unknown;
  /** By broker. */
  readonly connections: Iterable<readonly [string, { readonly socket: { destroy(): unknown } | undefined }]>;
}

export interface KafkaAdminClient extends KafkaClient {
  createTopics(options: { topics: string[]; partitions: number; replicas: number }): Promise<unknown>;
}

export interface KafkaOutgoing {
  readonly topic: string;
  readonly key?: Buffer;
  readonly value: Buffer;
  readonly headers?: ReadonlyMap<Buffer, Buffer>;
  readonly partition?: number;
}

export interface KafkaProducerClient extends KafkaClient {
  send(options: { messages: KafkaOutgoing[]; acks: number }): Promise<unknown>;
}

export interface KafkaGeneration {
  readonly memberId: string;
  readonly generationId: number;
  readonly assignments?: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null;
}

export interface KafkaRecordsBatch {
  readonly firstOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly attributes: number;
  readonly records: readonly {
    readonly offsetDelta: number;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
  }[];
}

interface KafkaFetchResponse {
  readonly responses: readonly {
    readonly partitions: readonly { readonly partitionIndex: number; readonly records?: readonly KafkaRecordsBatch[] | null }[];
  }[];
}

export interface KafkaConsumerClient extends KafkaClient {
  memberId: string | null;
  generationId: number;
  /** Those it is about; each call finds out where they are. */
  readonly topics: { track(topic: string): boolean };
  joinGroup(options: object): Promise<unknown>;
  fetch(options: {
    node: number;
    maxWaitTime: number;
    minBytes: number;
    maxBytes: number;
    isolationLevel: number;
    topics: {
      topicId: string;
      partitions: {
        partition: number;
        fetchOffset: bigint;
        partitionMaxBytes: number;
        currentLeaderEpoch: number;
        lastFetchedEpoch: number;
      }[];
    }[];
  }): Promise<KafkaFetchResponse>;
  commit(options: { offsets: { topic: string; partition: number; offset: bigint; leaderEpoch: number }[] }): Promise<unknown>;
  /** -1n where nothing was committed. */
  listCommittedOffsets(options: {
    topics: { topic: string; partitions: number[] }[];
  }): Promise<ReadonlyMap<string, readonly (bigint | undefined)[]>>;
  listOffsets(options: {
    topics: string[];
    partitions: Record<string, number[]>;
    timestamp: bigint;
  }): Promise<ReadonlyMap<string, readonly (bigint | undefined)[]>>;
}

/** For `listOffsets`. */
export const earliest = -2n;
export const latest = -1n;

export async function loadKafkaSdk(): Promise<KafkaSdk> {
  try {
    return (await import("@platformatic/kafka")) as unknown as KafkaSdk;
  } catch (cause) {
    throw new MissingDependencyError({ packageName: "@platformatic/kafka", usedBy: "Kafka queue", cause });
  }
}
