import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { SimulationFailure, type SimulationOptions, simulate } from "../../src/testing/index.ts";
import { runSeeds } from "./seeds.ts";

const usage = `Simulates durable coordinators in several processes, with everything that goes wrong.

  npm run simulate -- --seed 42        one run, with its trace
  npm run simulate -- --runs 200000    so many runs with new seeds, until one fails
      --first 1                        seeds from 1 on instead of new ones
      --workers 2 --executions 5       not drawn from the seed
      --queue, --no-queue              beside the store; some runs have one
      --threads 2                      all cores by default`;

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    runs: { type: "string" },
    first: { type: "string" },
    workers: { type: "string" },
    executions: { type: "string" },
    queue: { type: "boolean" },
    threads: { type: "string" },
    help: { type: "boolean" },
  },
  allowNegative: true,
});

const options: Omit<SimulationOptions, "seed"> = {
  ...(values.workers !== undefined && { workers: Number(values.workers) }),
  ...(values.executions !== undefined && { executions: Number(values.executions) }),
  ...(values.queue !== undefined && { queue: values.queue }),
};

if (values.seed !== undefined) await replay(Number(values.seed));
else if (values.runs !== undefined) await runMany(Number(values.runs));
else console.log(usage);

async function replay(seed: number): Promise<void> {
  try {
    const { trace, ...report } = await simulate({ ...options, seed, trace: true });
    console.log(trace.join("\n"));
    console.log(report);
  } catch (error) {
    if (!(error instanceof SimulationFailure)) throw error;
    console.log(error.trace.join("\n"));
    console.error(`\nBROKEN in seed ${seed}: ${error.broken}`);
    process.exitCode = 1;
  }
}

async function runMany(runs: number): Promise<void> {
  const first = values.first === undefined ? Math.floor(Math.random() * 2 ** 40) : Number(values.first);
  const threads = values.threads === undefined ? availableParallelism() : Number(values.threads);
  const began = performance.now();
  let told = began;
  const module = new URL("../../src/testing/index.ts", import.meta.url).href;
  const tell = (done: number) => {
    const now = performance.now();
    if (now - told < 5_000) return;
    told = now;
    console.log(`${done} of ${runs} runs, ${Math.round((done / (now - began)) * 1_000)} per second`);
  };
  console.log(`${runs} runs from seed ${first} in ${threads} threads`);
  const { runs: ran, sums, failure } = await runSeeds({ module, first, runs, options }, threads, tell);
  const seconds = (performance.now() - began) / 1_000;
  const { seed: _, ...shown } = sums;
  console.log(`${ran} runs in ${seconds.toFixed(1)} s, ${Math.round(ran / seconds)} per second`, shown);
  if (failure === undefined) return;
  console.error(failure.message);
  console.error(`\nReplay: npm run simulate -- --seed ${failure.seed}`);
  process.exitCode = 1;
}
