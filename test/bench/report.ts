import { arch, cpus, platform } from "node:os";
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

/** Prints each part as it is measured, then what must hold, then all of it as one line of JSON. */
export async function report(bench: string, rounds: number, parts: Readonly<Record<string, () => Promise<Part>>>): Promise<void> {
  const targets: Target[] = [];
  const figures: Record<string, unknown> = {};
  const machine = `node ${process.version}, ${platform()} ${arch()}, ${cpus().length} × ${cpus()[0]?.model.trim()}`;
  process.stdout.write(`${machine}\n`);
  for (const [name, measure] of Object.entries(parts)) {
    const part = await measure();
    process.stdout.write(`\n${part.title}\n\n${part.table}\n`);
    figures[name] = part.figures;
    targets.push(...part.targets);
  }
  process.stdout.write(`\nWhat must hold\n\n${toTable(["promise", "figure", "bound", ""], targets.map(toRow))}\n\n`);
  process.stdout.write(`${JSON.stringify({ bench, machine, rounds, ...figures, targets: targets.map(toVerdict) })}\n`);
}

function toVerdict(target: Target): Target & { holds: boolean } {
  const { value, atMost = Number.POSITIVE_INFINITY, atLeast = Number.NEGATIVE_INFINITY } = target;
  return { ...target, holds: value <= atMost && value >= atLeast };
}

function toRow(target: Target): string[] {
  const bound = target.atMost === undefined ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
  return [target.promise, toFigure(target.value), bound, toVerdict(target).holds ? "holds" : "MISSED"];
}
