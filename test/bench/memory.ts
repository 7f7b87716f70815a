import { parseArgs } from "node:util";
import { measureHeap } from "./memory-heap.ts";
import { measureInspection } from "./memory-inspection.ts";
import { measureQueries } from "./memory-queries.ts";
import { measureThroughput } from "./memory-throughput.ts";
import { measureTimeouts } from "./memory-timeouts.ts";
import { report } from "./report.ts";

const parts = {
  throughput: measureThroughput,
  heap: measureHeap,
  timeouts: measureTimeouts,
  queries: measureQueries,
  inspection: measureInspection,
};

/**
 * The in-memory coordinator beside others, in one process: µs per execution, heap, timeouts, queries, inspection. `--rounds` (5), `--sizes` (1000,…) and
 * `--only` (throughput, heap, timeouts, queries, inspection) make it shorter.
 */
export async function bench(options: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...options],
    options: {
      rounds: { type: "string", default: "5" },
      sizes: { type: "string", default: "1000,10000,100000,1000000" },
      only: { type: "string", default: Object.keys(parts).join(",") },
    },
  });
  const rounds = Number(values.rounds);
  const sizes = values.sizes.split(",").map(Number);
  const chosen = values.only.split(",");
  const measured = Object.entries(parts).filter(([name]) => chosen.includes(name));
  await report("memory", rounds, Object.fromEntries(measured.map(([name, measure]) => [name, () => measure({ rounds, sizes })])));
}
