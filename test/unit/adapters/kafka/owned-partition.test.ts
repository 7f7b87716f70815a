import fc from "fast-check";
import { expect, it } from "vitest";
import { readBatches } from "../../../../src/adapters/kafka/kafka-message.ts";
import { OwnedPartition } from "../../../../src/adapters/kafka/owned-partition.ts";

const message = (offset: number) => ({ offset: BigInt(offset), key: null, value: Buffer.alloc(0), headers: new Map() });

it("whatever the order in which messages are settled, what may be committed never passes one that is not", () => {
  const offsets = fc.uniqueArray(fc.nat(200), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(offsets, fc.infiniteStream(fc.nat(1_000)), (some, chance) => {
      const sorted = [...some].sort((a, b) => a - b);
      const partition = new OwnedPartition(0);
      partition.startAt(0n);
      partition.fetched(sorted.map(message), BigInt((sorted.at(-1) as number) + 3));
      const unsettled = new Set(sorted);
      let before = 0n;
      while (unsettled.size > 0) {
        const left = [...unsettled];
        const offset = left[(chance.next().value as number) % left.length] as number;
        unsettled.delete(offset);
        partition.settled(BigInt(offset));
        const committable = partition.committable ?? (partition.committed as bigint);
        expect(committable >= before).toBe(true);
        expect(committable).toBe(unsettled.size > 0 ? BigInt(Math.min(...unsettled)) : BigInt((sorted.at(-1) as number) + 3));
        before = committable;
        partition.committed = committable;
      }
      expect(partition.committable).toBeUndefined();
    }),
  );
});

it("nothing of a partition that went to somebody else may be committed", () => {
  const partition = new OwnedPartition(0);
  expect(partition.committable).toBeUndefined();
  partition.startAt(5n);
  partition.fetched([message(5), message(6)], 7n);
  partition.settled(5n);
  expect(partition.committable).toBe(6n);
  partition.lose();
  expect([partition.committable, partition.backlog.length]).toEqual([undefined, 0]);
});

it("a batch is read from the offset that was asked for, and what brokers write for themselves is passed over", () => {
  const record = (offsetDelta: number) => ({ offsetDelta, key: null, value: Buffer.from(`${offsetDelta}`), headers: [] });
  const batch = { firstOffset: 10n, lastOffsetDelta: 2, attributes: 0, records: [0, 1, 2].map(record) };
  const marker = { firstOffset: 13n, lastOffsetDelta: 0, attributes: 0b110000, records: [record(0)] };
  const read = readBatches([batch, marker], 11n);
  expect([read?.messages.map(({ offset }) => offset), read?.next]).toEqual([[11n, 12n], 14n]);
  expect(readBatches([], 11n)).toBeUndefined();
});
