import { expect, it } from "vitest";
import { toJson } from "../../../src/model/json.ts";

it("gives a copy that JSON gives back unchanged, fields that are undefined left out", () => {
  const value = { a: [1, null, "x", { b: true }], gone: undefined, n: Object.assign(Object.create(null), { c: 1 }) };
  expect(toJson(value, "input")).toEqual({ a: [1, null, "x", { b: true }], n: { c: 1 } });
  expect(JSON.parse(JSON.stringify(toJson(value, "input")))).toEqual(toJson(value, "input"));
});

it.each([
  [{ a: [1, Number.NaN] }, "input.a[1]"],
  [{ a: new Date(0) }, "input.a"],
  [{ a: { b: () => {} } }, "input.a.b"],
  [[1n], "input[0]"],
  [Symbol("s"), "input"],
  [new Map(), "input"],
])("refuses what JSON would change or lose, naming its path", (value, field) => {
  expect(() => toJson(value, "input")).toThrow(expect.objectContaining({ code: "SERIALIZATION_FAILED", field }));
});

it("refuses what contains itself, and takes what merely occurs twice", () => {
  const twice = { x: 1 };
  expect(toJson([twice, twice], "input")).toEqual([{ x: 1 }, { x: 1 }]);
  const round: { self?: unknown } = {};
  round.self = round;
  expect(() => toJson(round, "input")).toThrow(expect.objectContaining({ field: "input.self" }));
});

it("keeps a field named __proto__ as a field", () => {
  const value = JSON.parse('{ "__proto__": { "a": 1 } }');
  expect(JSON.stringify(toJson(value, "input"))).toBe('{"__proto__":{"a":1}}');
});
