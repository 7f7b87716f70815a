import { arch, cpus, platform } from "node:os";
import { type Target, toTargetTable, toVerdict } from "./targets.ts";

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
  process.stdout.write(`\nWhat must hold\n\n${toTargetTable(targets)}\n\n`);
  process.stdout.write(`${JSON.stringify({ bench, machine, rounds, ...figures, targets: targets.map(toVerdict) })}\n`);
}
