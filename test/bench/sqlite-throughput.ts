import { actorfleetMachine, actorfleetSqlite } from "./contenders/actorfleet-sqlite.ts";
import type { FileContender } from "./contenders/file-contender.ts";
import { plainjob } from "./contenders/plainjob.ts";
import type { FileSample, Line } from "./file-sample.ts";
import type { Part } from "./report.ts";
import { type Figure, measureInRounds } from "./rounds.ts";
import { Sampler } from "./sampler.ts";
import { toFigure, toTable } from "./table.ts";

const concurrencies = [1, 10, 100];

const lines: readonly Line[] = [
  ...concurrencies.map((concurrency): Line => ({ mode: "single", synchronous: "NORMAL", concurrency })),
  ...concurrencies.map((concurrency): Line => ({ mode: "many", synchronous: "NORMAL", concurrency })),
  ...[1, 10].map((concurrency): Line => ({ mode: "single", synchronous: "FULL", concurrency })),
];

/** Executions that do nothing, from the first start until the last end is stored. */
export async function measureThroughput({ rounds, count }: { rounds: number; count: number }): Promise<Part> {
  const contenders = [actorfleetSqlite, plainjob, actorfleetMachine];
  const measured: { line: Line; figures: Figure[] }[] = [];
  for (const line of lines) {
    const entered = contenders.filter(
      (contender) => contender !== actorfleetMachine || (line.mode === "single" && line.synchronous === "NORMAL"),
    );
    measured.push({ line, figures: await measureLine(line, entered, rounds, count) });
  }
  return {
    title: "µs per execution that does nothing: start + run + settle, median of interleaved rounds (least in brackets)",
    table: toTable(
      ["", ...contenders.map(({ name }) => name), "times as fast as plainjob"],
      measured.map(({ line, figures }) => [
        toTitle(line),
        ...contenders.map(({ name }) => toCell(figures, name)),
        toFigure(ratio(figures)),
      ]),
    ),
    figures: { lines: measured.map(({ line, figures }) => ({ ...line, timesPlainjob: ratio(figures), figures })) },
    targets: measured
      .filter(({ line }) => line.concurrency === 10)
      .map(({ line, figures }) => ({ promise: `times as fast as plainjob: ${toTitle(line)}`, value: ratio(figures), atLeast: 2 })),
  };
}

async function measureLine(line: Line, contenders: readonly FileContender[], rounds: number, count: number): Promise<Figure[]> {
  const entered = contenders.map((contender) => ({
    contender,
    sampler: new Sampler<FileSample>(new URL("./file-sample.ts", import.meta.url), contender),
  }));
  try {
    const measurements = entered.map(({ contender, sampler }) => {
      const setting = { ...line, count: countOf(line, contender, count) };
      return { name: contender.name, sample: () => sampler.sample(setting) };
    });
    process.stderr.write(`${toTitle(line)}: warming up\n`);
    // Twice: as long as the code of a process is being made ready, it is slower.
    for (let samples = 0; samples < 2; samples++) for (const { sample } of measurements) await sample();
    return await measureInRounds(toTitle(line), measurements, rounds);
  } finally {
    for (const { sampler } of entered) sampler.close();
  }
}

/** Fewer of what takes longer. */
function countOf({ synchronous, concurrency }: Line, contender: FileContender, count: number): number {
  const share = synchronous === "FULL" ? 0.1 : concurrency === 1 || contender === actorfleetMachine ? 0.25 : 1;
  return Math.ceil(count * share);
}

function toTitle({ mode, synchronous, concurrency }: Line): string {
  return `${mode === "single" ? "single starts" : "startMany"}, ${concurrency} at a time${synchronous === "FULL" ? ", FULL" : ""}`;
}

function median(figures: readonly Figure[], name: string): number {
  return figures.find((figure) => figure.name === name)?.median ?? Number.NaN;
}

function ratio(figures: readonly Figure[]): number {
  return median(figures, plainjob.name) / median(figures, actorfleetSqlite.name);
}

function toCell(figures: readonly Figure[], name: string): string {
  const figure = figures.find((candidate) => candidate.name === name);
  return figure === undefined ? "–" : `${toFigure(figure.median)} (${toFigure(figure.min)})`;
}
