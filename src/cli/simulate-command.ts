import { type Command, Option } from "commander";
import { CommandError } from "./command-error.ts";
import { jsonOption } from "./connection-options.ts";
import { toCount } from "./ls-command.ts";
import { print, printJson } from "./output.ts";

/** What one run of `simulate` takes; what it rejects with names the seed and tells how it came to it. */
export type Simulate = (options: { seed: number; workers?: number; executions?: number; trace?: boolean }) => Promise<object>;

interface SimulateOptions {
  readonly seed?: number;
  readonly runs: number;
  readonly workers?: number;
  readonly executions?: number;
  readonly json?: boolean;
}

/** @param load gives `simulate` of `actorfleet/testing`. */
export function addSimulateCommand(program: Command, done: (exitCode: number) => void, load: () => Promise<Simulate>): void {
  program
    .command("simulate")
    .description("run simulated coordinators through faults, and check that they keep their promises")
    .addOption(new Option("--seed <seed>", "of the first run; by default a new one").argParser(toCount))
    .addOption(new Option("--runs <count>", "how many, with rising seeds").argParser(toCount).default(1))
    .addOption(new Option("--workers <count>", "processes; by default drawn from the seed").argParser(toCount))
    .addOption(new Option("--executions <count>", "by default drawn from the seed").argParser(toCount))
    .addOption(jsonOption())
    .action(async (options: SimulateOptions) => done(await simulateAll(await load(), options)));
}

async function simulateAll(simulate: Simulate, options: SimulateOptions): Promise<number> {
  const {
    seed: first = 1 + (globalThis.crypto.getRandomValues(new Uint32Array(1))[0] as number),
    runs,
    workers,
    executions,
    json,
  } = options;
  const given = { ...(workers !== undefined && { workers }), ...(executions !== undefined && { executions }) };
  let last: object = {};
  for (let seed = first; seed < first + runs; seed++) {
    try {
      last = await simulate({ ...given, seed });
    } catch (error) {
      const replay = `Replay: npx actorfleet simulate --seed ${seed}`;
      throw new CommandError("refused", "PROMISE_BROKEN", `${(error as Error).message}\n${replay}`, { cause: error });
    }
  }
  if (json) printJson({ firstSeed: first, runs, last });
  else print(`${runs === 1 ? "The run" : `All ${runs} runs`} from seed ${first} on kept every promise.`);
  return 0;
}
