import fc from "fast-check";
import { expect, it } from "vitest";
import { assignPartitions, readOwned, writeOwned } from "../../../../src/adapters/kafka/sticky-assignment.ts";

const owned = (members: Record<string, number[]>) => new Map(Object.entries(members));

it("a member that comes gets its share, and the others lose no more than that", () => {
  const shares = assignPartitions(owned({ a: [0, 2, 4, 6], b: [1, 3, 5, 7], c: [] }), 8);
  expect([...shares.values()].map(({ length }) => length).sort()).toEqual([2, 3, 3]);
  expect(shares.get("a")?.every((partition) => partition % 2 === 0)).toBe(true);
  expect(shares.get("b")?.every((partition) => partition % 2 === 1)).toBe(true);
});

it("what a member leaves goes to the others, who keep what they have", () => {
  const shares = assignPartitions(owned({ a: [0, 3], b: [2] }), 4);
  expect(shares).toEqual(new Map(Object.entries({ a: [0, 3], b: [2, 1] })));
});

it("whatever members claim, each partition has one owner, and shares differ by one at most", () => {
  const claims = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.array(fc.nat(40)), {
    minKeys: 1,
    maxKeys: 8,
    noNullPrototype: true,
  });
  fc.assert(
    fc.property(claims, fc.integer({ min: 1, max: 30 }), (members, count) => {
      const shares = assignPartitions(owned(members), count);
      expect([...shares.keys()].sort()).toEqual(Object.keys(members).sort());
      expect([...shares.values()].flat().sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
      const sizes = [...shares.values()].map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

it("what members say of themselves is read with care", () => {
  expect(readOwned(writeOwned([3, 0, 12]))).toEqual([3, 0, 12]);
  expect([readOwned(writeOwned([])), readOwned(null), readOwned("1,-2,x,3.5,,4")]).toEqual([[], [], [1, 4]]);
});
