import { parentPort, workerData } from "node:worker_threads";
import type { simulate } from "../../src/testing/index.ts";
import type { FailedRun, SeedRange, Sums, ThreadMessage } from "./seeds.ts";

// Most runs make hundreds of errors on purpose, a fifth of the time goes into their stacks, and a seed replayed by itself has them.
Error.stackTraceLimit = 0;

const { module, first, runs, options } = workerData as SeedRange;
const library = (await import(module)) as { readonly simulate: typeof simulate };
const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

let seed = first;
const fail = (error: unknown) => {
  const message = error instanceof Error && error.name === "SimulationFailure" ? error.message : `seed ${seed}: ${describe(error)}`;
  const failure: FailedRun = { seed, run: seed - first + 1, message };
  tell({ type: "failed", failure });
};
// What the library leaves to nobody is a failure of the run in which it did.
process.on("unhandledRejection", fail);
process.on("uncaughtException", fail);

for (; seed < first + runs; seed++) {
  try {
    const { trace: _, description: __, ...numbers } = await library.simulate({ ...options, seed });
    tell({ type: "ran", runs: 1, sums: numbers satisfies Sums });
  } catch (error) {
    fail(error);
    break;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
