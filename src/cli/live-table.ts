import { styleText } from "node:util";
import stringWidth from "string-width";
import { cut } from "./text-table.ts";

export interface Line {
  /** Plain text without control characters. */
  readonly text: string;
  /** The colours of `util.styleText`; left out where the terminal has none. */
  readonly style?: Parameters<typeof styleText>[0] | undefined;
}

/** Lines that stay, and below them a few that are redrawn in place. */
export interface LiveTable {
  /** Whether there is a terminal to redraw in. Without one, lines that stay are all there is. */
  readonly live: boolean;
  /** Columns there is room for. */
  readonly width: number;
  /** Writes lines that stay. */
  print(...lines: Line[]): void;
  /** Replaces the lines at the bottom. */
  show(lines: readonly Line[]): void;
  /** Takes the lines at the bottom away and gives the cursor back. */
  stop(): void;
}

const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";

export function createLiveTable(stream: NodeJS.WriteStream): LiveTable {
  const live = stream.isTTY === true && process.env.TERM !== "dumb";
  const columns = () => stream.columns ?? 80;
  let shown: readonly Line[] = [];
  /** How long each line at the bottom is. */
  let drawn: readonly number[] = [];

  const giveCursorBack = () => stream.write(showCursor);
  if (live) {
    stream.write(hideCursor);
    process.once("exit", giveCursorBack);
  }

  /** One write for everything, so that no half-drawn state is seen. */
  function draw(printed: readonly Line[]): void {
    // A terminal that became narrower has broken long lines in two.
    const rows = drawn.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns())), 0);
    const erase = rows > 0 ? `\x1b[${rows}A\r\x1b[0J` : "";
    // A block as high as the screen could not be erased any more.
    const block = shown.slice(0, Math.max(0, (stream.rows ?? 24) - 1)).map(fitted);
    drawn = block.map(({ text }) => stringWidth(text));
    stream.write(erase + [...printed.map(fitted), ...block].map(toTerminal).join(""));
  }

  function fitted({ text, style }: Line): Line {
    return { text: live ? cut(text, columns()) : text, style };
  }

  function toTerminal({ text, style }: Line): string {
    return `${style === undefined ? text : styleText(style, text, { stream })}\n`;
  }

  return {
    live,
    get width() {
      return live ? columns() : 120;
    },
    print(...lines) {
      if (lines.length > 0) draw(lines);
    },
    show(lines) {
      if (!live) return;
      shown = lines;
      draw([]);
    },
    stop() {
      if (!live) return;
      shown = [];
      draw([]);
      giveCursorBack();
      process.removeListener("exit", giveCursorBack);
    },
  };
}
