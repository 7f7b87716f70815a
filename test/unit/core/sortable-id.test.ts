import { expect, test } from "vitest";
import { createIdGenerator } from "../../../src/core/sortable-id.ts";
import { VirtualClock } from "../../../src/testing/virtual-clock.ts";

test("ids sort by the instant at which they were made, as any text does, and never repeat", () => {
  const clock = new VirtualClock({ now: 1_700_000_000_000 });
  const generateId = createIdGenerator(clock);
  const ids: string[] = [];
  for (const ms of [0, 1, 62, 64, 4_096, 86_400_000, 31_536_000_000]) {
    clock.jump(ms);
    ids.push(generateId());
  }
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(Array.from({ length: 10_000 }, generateId)).size).toBe(10_000);
});

test("an id has 24 letters of those that file names and addresses take", () => {
  const generateId = createIdGenerator(new VirtualClock({ now: -5 }));
  expect(generateId()).toMatch(/^[\w-]{24}$/);
});
