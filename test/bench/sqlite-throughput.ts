import { actorfleetMachine, actorfleetSqlite } from "./contenders/actorfleet-sqlite.ts";
import type { FileContender } from "./contenders/file-contender.ts";
import { plainjob } from "./contenders/plainjob.ts";
import type { Part } from "./report.ts";
import { type Figure, measureInRounds } from "./rounds.ts";
import { withFile } from "./sqlite-files.ts";
import { toFigure, toTable } from "./table.ts";

/** How executions are started: each by a call of its own, as many calls under way as may run; or by calls for many, one after the other. */
type StartMode = "single" | "many";
type Durability = "NORMAL" | "FULL";

interface Line {
  readonly mode: StartMode;
  readonly synchronous: Durability;
  readonly concurrency: number;
}

/** What one call of `startMany` starts. */
const batchSize = 1_000;
const concurrencies = [1, 10, 100];

const lines: readonly Line[] = [
  ...concurrencies.map((concurrency): Line => ({ mode: "single", synchronous: "NORMAL", concurrency })),
  ...concurrencies.map((concurrency): Line => ({ mode: "many", synchronous: "NORMAL", concurrency })),
  ...[1, 10].map((concurrency): Line => ({ mode: "single", synchronous: "FULL", concurrency })),
];

/** Executions that do nothing, from the first start until the last end is stored. */
export async function measureThroughput({ rounds, count }: { rounds: number; count: number }): Promise<Part> {
  const contenders = [actorfleetSqlite, plainjob, actorfleetMachine];
  for (const contender of contenders) await sample(contender, { mode: "single", synchronous: "NORMAL", concurrency: 10 }, count / 2);
  const measured: { line: Line; figures: Figure[] }[] = [];
  for (const line of lines) {
    const entered = contenders.filter(
      (contender) => contender !== actorfleetMachine || (line.mode === "single" && line.synchronous === "NORMAL"),
    );
    const measurements = entered.map((contender) => ({
      name: contender.name,
      sample: () => sample(contender, line, countOf(line, contender, count)),
    }));
    measured.push({ line, figures: await measureInRounds(toTitle(line), measurements, rounds) });
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

/** µs per execution. */
async function sample(contender: FileContender, { mode, synchronous, concurrency }: Line, count: number): Promise<number> {
  return withFile(async (filename) => {
    let left = count;
    let allEnded = () => {};
    const ends = new Promise<void>((resolve) => {
      allEnded = resolve;
    });
    const ended = () => {
      left -= 1;
      if (left === 0) allEnded();
    };
    const subject = await contender.open({ filename, synchronous, concurrency, begun() {}, ended });
    const startedAt = performance.now();
    subject.work();
    let next = 0;
    const startNext = async () => {
      while (next < count) await subject.start(next++);
    };
    if (mode === "single") await Promise.all(Array.from({ length: concurrency }, startNext));
    else
      for (; next < count; next += batchSize)
        await subject.startMany(Array.from({ length: Math.min(batchSize, count - next) }, (_, index) => next + index));
    await ends;
    const tookMs = performance.now() - startedAt;
    await subject.close();
    return (tookMs * 1_000) / count;
  });
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
