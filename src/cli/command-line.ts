import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { ActorfleetError } from "../model/errors.ts";
import { addCancelCommand } from "./cancel-command.ts";
import { CommandError, exitCodes } from "./command-error.ts";
import { addDashboardCommand } from "./dashboard-command.ts";
import { addLsCommand } from "./ls-command.ts";
import { styled } from "./output.ts";
import { addSendCommand } from "./send-command.ts";
import { addShowCommand } from "./show-command.ts";
import { harmless } from "./shown-value.ts";
import { addSimulateCommand } from "./simulate-command.ts";
import { addStatsCommand } from "./stats-command.ts";
import { addWatchCommand } from "./watch-command.ts";

const more = `
Where the executions are:
  --store sqlite:FILE, --store postgres://USER:PASSWORD@HOST/DATABASE,
  --store redis://USER:PASSWORD@HOST or --url http://HOST:PORT,
  or ACTORFLEET_STORE or ACTORFLEET_URL in the environment

Exit codes:
  0  done
  1  the answer is no: no such execution, it has ended, the signal is not accepted
  2  the command line is wrong
  3  the store or server is not there, or does not work`;

/** Runs one command; gives the exit code of the process. */
export async function runCommandLine(given: readonly string[]): Promise<number> {
  // Whoever reads the output may have read enough.
  process.stdout.on("error", (error: { code?: string }) => process.exit(error.code === "EPIPE" ? exitCodes.done : exitCodes.unreachable));
  let exitCode: number = exitCodes.done;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...given], { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has told what is wrong already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    tell(error, given.includes("--json"));
    return exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandError) return error.exitCode;
  return ActorfleetError.isInstance(error) && error.code === "OPTIONS_INVALID" ? exitCodes.usage : exitCodes.unreachable;
}

function createProgram(done: (exitCode: number) => void): Command {
  const program = new Command("actorfleet")
    .description("Look at the executions of a coordinator, and steer them.")
    .version(version())
    .exitOverride()
    .showHelpAfterError("(add --help for what there is)")
    .addHelpText("after", more);
  addLsCommand(program, done);
  addShowCommand(program, done);
  addCancelCommand(program, done);
  addSendCommand(program, done);
  addStatsCommand(program, done);
  addWatchCommand(program, done);
  addSimulateCommand(program, done, async () => (await import("../testing/index.ts")).simulate);
  addDashboardCommand(program, done, async () => (await import("../http/index.ts")).serve);
  return program;
}

function version(): string {
  return (createRequire(import.meta.url)("actorfleet/package.json") as { version: string }).version;
}

/** What went wrong, for people or for programs; how it came to it only where nobody has foreseen it. */
function tell(error: unknown, json: boolean): void {
  const isForeseen = error instanceof CommandError || ActorfleetError.isInstance(error);
  const message = error instanceof Error ? error.message : String(error);
  if (json) {
    const code = isForeseen ? error.code : "UNEXPECTED";
    process.stderr.write(`${JSON.stringify({ error: { code, message } })}\n`);
    return;
  }
  const text = isForeseen ? message : String((error as Error)?.stack ?? error);
  process.stderr.write(`${styled("error:", "red", process.stderr)} ${harmless(text, "kept")}\n`);
}
