import stringWidth from "string-width";
import { harmless, type Style } from "./shown-value.ts";

/** One column of a table of `Row`s. */
export interface TextColumn<Row> {
  readonly title: string;
  cell(row: Row): string;
  readonly align?: "left" | "right";
  readonly style?: (row: Row) => Style | undefined;
  /** May be cut off down to so many columns of the terminal, where there is no room. */
  readonly least?: number;
  /** Takes no more, however much room there is. */
  readonly most?: number;
  /** Left out where there is no room even so; the highest first. */
  readonly leaveOut?: number;
}

/** A cell that has its place in the line. */
export interface PlacedCell {
  readonly text: string;
  readonly style?: Style | undefined;
}

const gap = 2;

/** Lines of cells that fit into `width` columns; the first is the head. Columns in which nothing stands are left out. */
export function textTable<Row>(columns: readonly TextColumn<Row>[], rows: readonly Row[], width: number): PlacedCell[][] {
  let shown = columns
    .map((column) => {
      const cells = rows.map((row) => harmless(column.cell(row)));
      const widest = cells.reduce((most, cell) => Math.max(most, stringWidth(cell)), 0);
      return { column, cells, isEmpty: widest === 0, size: Math.max(Math.min(widest, column.most ?? widest), column.title.length) };
    })
    .filter(({ isEmpty }) => rows.length === 0 || !isEmpty);
  const total = () => shown.reduce((sum, { size }) => sum + size, gap * (shown.length - 1));
  const leastTotal = () => shown.reduce((sum, { column, size }) => sum + Math.min(size, column.least ?? size), gap * (shown.length - 1));
  while (leastTotal() > width) {
    const [out] = shown.toSorted((a, b) => (b.column.leaveOut ?? 0) - (a.column.leaveOut ?? 0));
    if (out?.column.leaveOut === undefined) break;
    shown = shown.filter((other) => other !== out);
  }
  // The last columns give way first: they hold what is least needed to tell one row from another.
  for (const part of shown.toReversed()) {
    const { column, size } = part;
    if (column.least !== undefined) part.size = Math.max(Math.min(size, column.least), size - Math.max(0, total() - width));
  }
  const head = shown.map(({ column, size }) => ({ text: placed(column.title, size, column.align), style: "bold" as const }));
  const body = rows.map((row, index) =>
    shown.map(({ column, cells, size }) => ({ text: placed(cells[index] as string, size, column.align), style: column.style?.(row) })),
  );
  return [head, ...body];
}

function placed(text: string, size: number, align: "left" | "right" = "left"): string {
  const fitted = cut(text, size);
  const padding = " ".repeat(Math.max(0, size - stringWidth(fitted)));
  return align === "left" ? fitted + padding : padding + fitted;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** As much of a text as has room, with a mark where something is missing. */
export function cut(text: string, size: number): string {
  if (stringWidth(text) <= size) return text;
  let kept = "";
  let taken = 0;
  for (const { segment } of segmenter.segment(text)) {
    const width = stringWidth(segment);
    if (taken + width > size - 1) break;
    kept += segment;
    taken += width;
  }
  return size < 1 ? "" : `${kept}…`;
}
