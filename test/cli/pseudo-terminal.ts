import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import headless from "@xterm/headless";

const open = new Set<ChildProcess>();

/** Ends the programs of tests that have failed before their end; for `afterEach`. */
export function closeTerminals(): void {
  for (const child of open) child.stdin?.destroy();
  for (const child of open) child.kill("SIGHUP");
  open.clear();
}

/** A program in a terminal of its own: `script` gives it a pseudo-terminal, and xterm.js shows what a person would see. */
export interface PseudoTerminal {
  /** The lines of the screen now. */
  screen(): Promise<string[]>;
  /** Everything that was written, with its control sequences. */
  written(): string;
  /** Waits until the screen matches. */
  shows(text: RegExp): Promise<string[]>;
  /** Types into it. */
  type(keys: string): void;
  /** The exit code of the program. */
  ended(): Promise<number | null>;
}

export function openTerminal(
  command: string,
  { columns = 80, rows = 24, environment = {} as Record<string, string> } = {},
): PseudoTerminal {
  // In CI, colours are off by default.
  const { NO_COLOR: _, FORCE_COLOR: __, CI: ___, ...inherited } = process.env;
  const env = { ...inherited, TERM: "xterm-256color", ...environment };
  const shell = `stty cols ${columns} rows ${rows} -echo; exec ${command}`;
  const child: ChildProcess = spawn("script", ["-qefc", shell, "/dev/null"], { env, stdio: ["pipe", "pipe", "inherit"] });
  const screen = new headless.Terminal({ cols: columns, rows, allowProposedApi: true });
  const end = once(child, "close");
  open.add(child);
  child.once("close", () => open.delete(child));
  let written = "";
  let drawn: Promise<void> = Promise.resolve();
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    written += text;
    drawn = new Promise((resolve) => screen.write(text, resolve));
  });
  const lines = async () => {
    await drawn;
    const { active } = screen.buffer;
    return Array.from({ length: rows }, (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? "");
  };
  return {
    screen: lines,
    written: () => written,
    async shows(text) {
      for (;;) {
        const shown = await lines();
        if (text.test(shown.join("\n"))) return shown;
        const more = await Promise.race([
          once(child.stdout as NonNullable<ChildProcess["stdout"]>, "data"),
          end.then(() => "over" as const),
        ]);
        if (more === "over" && !text.test((await lines()).join("\n")))
          throw new Error(`never shown: ${text}\n${(await lines()).join("\n")}`);
      }
    },
    type: (keys) => void child.stdin?.write(keys),
    async ended() {
      const [code] = await end;
      await drawn;
      screen.dispose();
      return code;
    },
  };
}
