import { describe, expect, it } from "vitest";
import { durationText, harmless } from "../../../src/cli/shown-value.ts";
import { cut, type TextColumn, textTable } from "../../../src/cli/text-table.ts";

interface Row {
  readonly name: string;
  readonly size: string;
  readonly note: string;
}

const columns: TextColumn<Row>[] = [
  { title: "NAME", cell: ({ name }) => name, least: 4 },
  { title: "SIZE", cell: ({ size }) => size, align: "right", leaveOut: 1 },
  { title: "NOTE", cell: ({ note }) => note, least: 6, most: 20, leaveOut: 2 },
];
const rows: Row[] = [
  { name: "telescope", size: "9", note: "to look at what is far away" },
  { name: "望遠鏡", size: "120", note: "" },
];
const shown = (width: number, some = rows) =>
  textTable(columns, some, width).map((cells) =>
    cells
      .map(({ text }) => text)
      .join("  ")
      .trimEnd(),
  );

describe("a text table", () => {
  it("gives each column what it needs where there is room, and none more than its most", () => {
    expect(shown(200)).toEqual(["NAME       SIZE  NOTE", "telescope     9  to look at what is …", "望遠鏡      120"]);
  });

  it("cuts off the last column first, then those before it", () => {
    expect(shown(27)[1]).toBe("telescope     9  to look a…");
    expect(shown(21)[1]).toBe("telesc…     9  to lo…");
  });

  it("leaves columns out where even that is too much", () => {
    expect(shown(12)).toEqual(["NAME    SIZE", "teles…     9", "望遠鏡   120"]);
    expect(shown(5)).toEqual(["NAME", "tele…", "望遠…"]);
  });

  it("never makes a line wider than it may be, as long as the columns that stay can be that narrow", () => {
    for (let width = 4; width < 60; width++) for (const line of shown(width)) expect(cut(line, width), `${width}`).toBe(line);
  });

  it("leaves out a column in which nothing stands", () => {
    expect(shown(80, [{ name: "a", size: "", note: "b" }])).toEqual(["NAME  NOTE", "a     b"]);
  });
});

describe("what others have written", () => {
  it("does not steer the terminal", () => {
    expect(harmless("a\u001b[2Jb\u009bc\u0007d\u202ee\r")).toBe("a�[2Jb�c�d�e�");
    expect(harmless("two\nlines\tand a tab")).toBe("two⏎lines and a tab");
    expect(harmless("two\nlines", "kept")).toBe("two\nlines");
    expect(harmless("👩‍🚀 über 望遠鏡")).toBe("👩‍🚀 über 望遠鏡");
  });
});

it("durations are as exact as they need to be", () => {
  const texts = [0, 820.4, 999.6, 4_100, 9_960, 42_000, 60_000, 150_000, 9_000_000, 259_200_000, -5].map(durationText);
  expect(texts).toEqual(["0 ms", "820 ms", "1 s", "4.1 s", "10 s", "42 s", "1 min", "2.5 min", "2.5 h", "3 d", "0 ms"]);
});
