import type { KafkaOutgoing, KafkaRecordsBatch } from "./kafka-sdk.ts";

/** A message as it lies in a partition. */
export interface KafkaMessage {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: ReadonlyMap<string, string>;
}

/** How often a message that was refused has been handed out already. */
const deliveriesHeader = "actorfleet-deliveries";
/** Why a message was put aside. */
const reasonHeader = "actorfleet-reason";
/** Of batches that the brokers write for themselves. */
const isControl = 0b100000;

/** Messages from `offset` on, and where what was fetched ends; undefined where nothing was. */
export function readBatches(batches: readonly KafkaRecordsBatch[], offset: bigint): { messages: KafkaMessage[]; next: bigint } | undefined {
  const last = batches.at(-1);
  if (last === undefined) return undefined;
  const messages = batches
    .filter(({ attributes }) => (attributes & isControl) === 0)
    .flatMap(({ firstOffset, records }) =>
      records.map(({ offsetDelta, key, value, headers }) => ({
        offset: firstOffset + BigInt(offsetDelta),
        key,
        value: value ?? Buffer.alloc(0),
        headers: new Map(headers.map(([name, text]) => [name?.toString() ?? "", text?.toString() ?? ""])),
      })),
    )
    // A batch comes whole, from wherever in it was asked for.
    .filter((message) => message.offset >= offset);
  const end = last.firstOffset + BigInt(last.lastOffsetDelta) + 1n;
  return { messages, next: end > offset ? end : offset };
}

export function deliveriesBefore({ headers }: KafkaMessage): number {
  const deliveries = Number(headers.get(deliveriesHeader) ?? 0);
  return Number.isSafeInteger(deliveries) && deliveries > 0 ? deliveries : 0;
}

export function withDeliveries(message: KafkaMessage, deliveries: number): KafkaMessage {
  return { ...message, headers: new Map([...message.headers, [deliveriesHeader, `${deliveries}`]]) };
}

/** The same message once more, at the end of its partition. */
export function toRepetition(topic: string, { key, value }: KafkaMessage, deliveries: number): KafkaOutgoing {
  return { topic, value, ...(key !== null && { key }), headers: toHeaders(deliveriesHeader, `${deliveries}`) };
}

/** All in one partition, which keeps their order. */
export function toPutAside(topic: string, { key, value }: KafkaMessage, reason: string): KafkaOutgoing {
  return { topic, value, ...(key !== null && { key }), headers: toHeaders(reasonHeader, reason), partition: asidePartition };
}

export const asidePartition = 0;

export function reasonOf({ headers }: KafkaMessage): string {
  return headers.get(reasonHeader) ?? "";
}

function toHeaders(name: string, text: string): Map<Buffer, Buffer> {
  return new Map([[Buffer.from(name), Buffer.from(text)]]);
}
