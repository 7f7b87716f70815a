import { expect, it } from "vitest";
import { TransientMap } from "../../../src/core/transient-map.ts";

it("is a map", () => {
  const map = new TransientMap<string, number>();
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect([map.size, map.get("a"), map.get("d"), map.values()]).toEqual([3, 3, undefined, [3, 2, 4]]);
  map.delete("a");
  map.delete("d");
  expect([map.size, map.get("a"), map.values()]).toEqual([2, undefined, [2, 4]]);
});
