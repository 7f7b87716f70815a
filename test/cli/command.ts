import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** What a command left behind. */
export interface CommandEnd {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs `actorfleet` in a process without a terminal, to its end. */
export async function actorfleet(...options: string[]): Promise<CommandEnd> {
  return ended(startCommand(options));
}

export interface CommandStart {
  readonly child: ChildProcess;
  out: string;
  error: string;
}

export function startCommand(
  options: readonly string[],
  environment: Record<string, string> = {},
  node: readonly string[] = [],
): CommandStart {
  return startProgram([...node, main, ...options], environment);
}

/** Runs a program of Node. */
export function startProgram(options: readonly string[], environment: Record<string, string> = {}): CommandStart {
  const child = spawn(process.execPath, options, { env: cleanEnvironment(environment), stdio: ["ignore", "pipe", "pipe"] });
  const command: CommandStart = { child, out: "", error: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    command.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    command.error += text;
  });
  return command;
}

export async function ended(command: CommandStart): Promise<CommandEnd> {
  const [code] = await once(command.child, "close");
  return { code, out: command.out, error: command.error };
}

/** Waits until this much was written to the standard output. */
export async function printed(command: CommandStart, text: RegExp): Promise<void> {
  while (!text.test(command.out)) await once(command.child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
}

/** Nothing of the machine that the tests run on decides where the executions are or what has colours. */
function cleanEnvironment(own: Record<string, string>): NodeJS.ProcessEnv {
  const { ACTORFLEET_STORE: _, ACTORFLEET_URL: __, NO_COLOR: ___, FORCE_COLOR: ____, ...rest } = process.env;
  return { ...rest, ...own };
}

/** The command line of the same, for a shell. */
export function shellLine(options: readonly string[]): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
  return [process.execPath, main, ...options].map(quoted).join(" ");
}
