import * as check from "../../model/option-check.ts";
import { BrokenPromise } from "./course.ts";
import { type SimulatedFault, simulatedFaults } from "./simulated-faults.ts";
import { SimulatedWorld } from "./simulated-world.ts";

/** What is simulated. Everything that is not said is drawn from the seed. */
export interface SimulationOptions {
  /** The same seed and options give the same run, to the letter. A safe integer. */
  readonly seed: number;
  /** Processes that run executions; 1 to 3. */
  readonly workers?: number;
  /** 3 to 8. */
  readonly executions?: number;
  /** Whether there is a queue beside the store. */
  readonly queue?: boolean;
  /** What may go wrong; all of it. Each run draws some of these. */
  readonly faults?: readonly SimulatedFault[];
  /** Whether the report has the trace; false. A failure has it in any case. */
  readonly trace?: boolean;
}

/** What happened in a run that kept all promises. */
export interface SimulationReport {
  readonly seed: number;
  readonly workers: number;
  readonly executions: number;
  /** What it was, in a few words: kind of orchestrator, faults. */
  readonly description: string;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly takeovers: number;
  readonly crashes: number;
  readonly pauses: number;
  /** Writes that the store refused because their lease was over. */
  readonly refusedWrites: number;
  readonly effects: number;
  /** Effects that came under a lower fence than an earlier one. */
  readonly refusedEffects: number;
  /** Of virtual time. */
  readonly lastedMs: number;
  readonly trace: readonly string[];
}

/** A simulated run in which a promise was broken: what, and how it came to it. */
export class SimulationFailure extends Error {
  readonly seed: number;
  /** The promise that was broken. */
  readonly broken: string;
  /** Everything that happened. */
  readonly trace: readonly string[];

  constructor(seed: number, broken: string, shortTrace: readonly string[], trace: readonly string[]) {
    super(`seed ${seed}: ${broken}\n${shortTrace.join("\n")}`);
    this.name = "SimulationFailure";
    this.seed = seed;
    this.broken = broken;
    this.trace = trace;
  }
}

const allFaults = Object.keys(simulatedFaults) as SimulatedFault[];

const optionsCheck = check.fields(
  {
    seed: check.numberBetween(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    workers: check.wholeNumber(1),
    executions: check.wholeNumber(1),
    queue: check.flag,
    faults: check.listOf(check.oneOf(...allFaults)),
    trace: () => {},
  },
  ["seed"],
);

/** Lines that a failure shows. */
const shownLines = 40;

/**
 * Runs durable coordinators in several simulated processes over a store on links that fail, in virtual time, and checks after every write
 * that the promises of a durable coordinator hold: nothing that was accepted is lost, nobody writes under a lease that is over, a final
 * state is written once, limits, cancels and the order of signals are kept; and that everything comes to an end once the faults are over.
 *
 * @throws {SimulationFailure} with the seed and the trace of a run in which a promise was broken. {@link InvalidOptionsError}
 *
 * @example
 * ```ts
 * for (let seed = 1; seed <= 1_000; seed++) await simulate({ seed });
 * ```
 */
export async function simulate(options: SimulationOptions): Promise<SimulationReport> {
  optionsCheck(options, "options");
  const { faults = allFaults } = options;
  const run = async (traced: boolean) => {
    const world = new SimulatedWorld({ ...options, faults, traced });
    const broken = await brokenIn(world);
    return { world, broken };
  };
  const { world, broken } = await run(options.trace === true);
  if (broken === undefined) return world.report();
  // A trace costs more than the run: it is made when somebody wants to read it.
  const traced = options.trace === true ? { world, broken } : await run(true);
  const same = traced.broken?.message === broken.message;
  const what = same ? broken.message : `${broken.message} (and the second run with this seed differs: ${traced.broken?.message})`;
  const { course } = traced.world;
  throw new SimulationFailure(options.seed, what, course.shortTrace(broken.executionId, shownLines), course.trace());
}

async function brokenIn(world: SimulatedWorld): Promise<BrokenPromise | undefined> {
  try {
    await world.run();
    return undefined;
  } catch (error) {
    if (error instanceof BrokenPromise) return error;
    throw error;
  } finally {
    world.end();
  }
}
