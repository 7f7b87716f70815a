/** Rows of text under a heading, in columns as wide as they must be; the first is aligned to the left, the others to the right. */
export function toTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const toLine = (cells: readonly string[]) =>
    widths
      .map((width, column) => (column === 0 ? (cells[column] ?? "").padEnd(width) : (cells[column] ?? "").padStart(width)))
      .join("   ")
      .trimEnd();
  return [toLine(heading), widths.map((width) => "-".repeat(width)).join("   "), ...rows.map(toLine)].join("\n");
}

/** Three figures that count: 0.0123, 1.23, 12.3, 1230. */
export function toFigure(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(decimals, 6));
}
