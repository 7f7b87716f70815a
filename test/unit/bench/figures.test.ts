import { expect, test } from "vitest";
import { median } from "../../bench/rounds.ts";
import { toFigure, toTable } from "../../bench/table.ts";

test("the median is the middle one, or the mean of the two in the middle", () => {
  expect(median([1, 2, 9])).toBe(2);
  expect(median([1, 2, 4, 9])).toBe(3);
  expect(median([7])).toBe(7);
});

test("a figure shows three digits that count", () => {
  expect([0.01234, 1.234, 12.34, 1234.5, 0].map(toFigure)).toEqual(["0.0123", "1.23", "12.3", "1235", "0"]);
});

test("a column is as wide as its widest cell, names to the left and figures to the right", () => {
  expect(
    toTable(
      ["", "µs"],
      [
        ["a", "1.25"],
        ["longer", "10"],
      ],
    ).split("\n"),
  ).toEqual(["           µs", "------   ----", "a        1.25", "longer     10"]);
});
