import type { PutAsideMessage } from "../../ports/execution-queue.ts";
import type { KafkaConnection } from "./kafka-connection.ts";
import { toQueueError } from "./kafka-errors.ts";
import { asidePartition, type KafkaMessage, readBatches, reasonOf } from "./kafka-message.ts";
import { earliest, type KafkaConsumerClient, latest } from "./kafka-sdk.ts";
import type { KafkaTopics } from "./kafka-topics.ts";

const maxBytes = 1 << 20;

/** The first messages of a topic of what was put aside. Nothing is taken away, and no group is joined. */
export async function readPutAside(
  connection: KafkaConnection,
  topics: KafkaTopics,
  topic: string,
  limit: number,
): Promise<readonly PutAsideMessage[]> {
  let reader: KafkaConsumerClient | undefined;
  const read = async () => {
    if (limit <= 0 || !(await topics.isThere(topic))) return [];
    reader = await connection.openConsumer(topic, topic, { retries: 2 });
    return readFirst(reader, topic, limit);
  };
  try {
    const messages = await connection.inTime("listPutAside", read());
    return messages.map((message) => ({ raw: message.value.toString(), reason: reasonOf(message) }));
  } catch (error) {
    connection.assertOpen();
    throw toQueueError(error, "what was put aside cannot be read");
  } finally {
    if (reader !== undefined) await connection.dispose(reader);
  }
}

async function readFirst(reader: KafkaConsumerClient, topic: string, limit: number): Promise<KafkaMessage[]> {
  const offset = async (timestamp: bigint) => {
    const offsets = await reader.listOffsets({ topics: [topic], partitions: { [topic]: [asidePartition] }, timestamp });
    return offsets.get(topic)?.[asidePartition] ?? 0n;
  };
  const end = await offset(latest);
  const found: KafkaMessage[] = [];
  for (let next = await offset(earliest); next < end && found.length < limit; ) {
    const { topics } = await reader.metadata({ topics: [topic] });
    const leader = topics.get(topic)?.partitions[asidePartition]?.leader ?? 0;
    const response = await reader.fetch({
      ...{ node: leader, maxWaitTime: 100, minBytes: 1, maxBytes, isolationLevel: 0 },
      topics: [
        {
          topicId: topics.get(topic)?.id ?? topic,
          partitions: [
            { partition: asidePartition, fetchOffset: next, partitionMaxBytes: maxBytes, currentLeaderEpoch: -1, lastFetchedEpoch: -1 },
          ],
        },
      ],
    });
    const batches = response.responses.flatMap(({ partitions }) => partitions.flatMap(({ records }) => records ?? []));
    const read = readBatches(batches, next);
    if (read === undefined) continue;
    found.push(...read.messages);
    next = read.next;
  }
  return found.slice(0, limit);
}
