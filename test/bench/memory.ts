import { arch, cpus, platform } from "node:os";
import { parseArgs } from "node:util";
import { measureHeap } from "./memory-heap.ts";
import { measureInspection } from "./memory-inspection.ts";
import { measureQueries } from "./memory-queries.ts";
import { measureThroughput } from "./memory-throughput.ts";
import { measureTimeouts } from "./memory-timeouts.ts";
import { toFigure, toTable } from "./table.ts";

/** What must hold, as a figure and the most it may be; for a factor of speed the least. */
export interface Target {
  readonly promise: string;
  readonly value: number;
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** One part of the benchmark: what it prints, and what the last line says of it. */
export interface Part {
  readonly title: string;
  readonly table: string;
  readonly figures: Record<string, unknown>;
  readonly targets: readonly Target[];
}

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
  const targets: Target[] = [];
  const figures: Record<string, unknown> = {};

  const machine = `node ${process.version}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
  process.stdout.write(`${machine}\n`);
  for (const [name, measure] of Object.entries(parts)) {
    if (!chosen.includes(name)) continue;
    const part = await measure({ rounds, sizes });
    process.stdout.write(`\n${part.title}\n\n${part.table}\n`);
    figures[name] = part.figures;
    targets.push(...part.targets);
  }
  process.stdout.write(`\nWhat must hold\n\n${toTable(["promise", "figure", "bound", ""], targets.map(toRow))}\n\n`);
  process.stdout.write(`${JSON.stringify({ bench: "memory", machine, rounds, ...figures, targets: targets.map(toVerdict) })}\n`);
}

function toVerdict(target: Target): Target & { holds: boolean } {
  const { value, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target;
  return { ...target, holds: value <= atMost && value >= atLeast };
}

function toRow(target: Target): string[] {
  const bound = target.atMost === undefined ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
  return [target.promise, toFigure(target.value), bound, toVerdict(target).holds ? "holds" : "MISSED"];
}
