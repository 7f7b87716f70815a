import { styleText } from "node:util";
import type { Style } from "./shown-value.ts";
import type { PlacedCell } from "./text-table.ts";

/** Columns there are for a line; a pipe or a file takes lines of any length. */
export function widthOf(stream: NodeJS.WriteStream): number {
  return stream.isTTY ? stream.columns : Number.POSITIVE_INFINITY;
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, process.stdout.isTTY ? 2 : undefined));
}

/** Colours only where they are wanted: a terminal, and no NO_COLOR. */
export function styled(text: string, style: Style | undefined, stream: NodeJS.WriteStream = process.stdout): string {
  return style === undefined ? text : styleText(style, text, { stream });
}

export function printTable(lines: readonly (readonly PlacedCell[])[]): void {
  for (const line of lines)
    print(
      line
        .map(({ text, style }) => styled(text, style))
        .join("  ")
        .trimEnd(),
    );
}
