import { actorfleet } from "./contenders/actorfleet.ts";
import type { Contender } from "./contenders/contender.ts";
import { fastqPromise } from "./contenders/fastq.ts";
import { naiveXState } from "./contenders/naive-xstate.ts";
import { pQueue } from "./contenders/p-queue.ts";
import { plainMap } from "./contenders/plain-map.ts";
import type { Part } from "./report.ts";
import { type Figure, measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";
import type { Target } from "./targets.ts";

/** A sample runs at least so many executions, so that a small size pays for its garbage as a large one does. */
const executionsPerSample = 20_000;

/** The naive supervisor's cost grows with the number: one batch of it is a sample, and larger sizes would take hours. */
const naiveSizes = new Set([1_000, 10_000]);

/** From this size on one round, with the contenders that matter most. */
const hugeSize = 1_000_000;

/**
 * So many are started at once, and the next when their results are there. A million at once, each with somebody who awaits it, needs more
 * than the 4 GB that Node gives a heap by default.
 */
const waveSize = 100_000;

export async function measureThroughput({ rounds, sizes }: { rounds: number; sizes: readonly number[] }): Promise<Part> {
  const contenders = [actorfleet, pQueue, fastqPromise, plainMap, naiveXState];
  for (const contender of contenders) await warmUp(contender);
  const bySize = new Map<number, Figure[]>();
  for (const size of sizes) {
    const isHuge = size >= hugeSize;
    const entered = isHuge ? [actorfleet, pQueue] : contenders.filter((contender) => contender !== naiveXState || naiveSizes.has(size));
    const measurements = entered.map((contender) => ({ name: contender.name, sample: () => sampleOf(contender, size) }));
    bySize.set(size, await measureInRounds(`${size} executions`, measurements, isHuge ? 1 : rounds));
  }
  return {
    title: "µs per no-op async execution, 100 at a time, median of interleaved rounds (least in brackets); 1,000,000 in waves of 100,000",
    table: toTable(
      ["", ...sizes.map((size) => size.toLocaleString("en"))],
      contenders.map(({ name }) => [name, ...sizes.map((size) => toCell(figureOf(bySize, size, name), rounds))]),
    ),
    figures: Object.fromEntries([...bySize].map(([size, figures]) => [size, figures])),
    targets: toTargets((size, { name }) => figureOf(bySize, size, name)?.median ?? Number.NaN).filter(({ value }) => !Number.isNaN(value)),
  };
}

async function warmUp(contender: Contender): Promise<void> {
  process.stderr.write(`warming up ${contender.name}\n`);
  const [count, batches] = contender === naiveXState ? [200, 5] : [5_000, 6];
  for (let batch = 0; batch < batches; batch += 1) await timeOf(contender, count);
}

/** µs per execution. */
async function sampleOf(contender: Contender, size: number): Promise<number> {
  const batches = contender === naiveXState ? 1 : Math.max(1, Math.ceil(executionsPerSample / size));
  let totalMs = 0;
  for (let batch = 0; batch < batches; batch += 1) totalMs += await timeOf(contender, size);
  return (totalMs * 1_000) / (batches * size);
}

async function timeOf(contender: Contender, count: number): Promise<number> {
  const subject = contender.open();
  const startedAt = performance.now();
  for (let left = count; left > 0; left -= waveSize) await subject.run(Math.min(left, waveSize));
  const tookMs = performance.now() - startedAt;
  await subject.close();
  return tookMs;
}

function figureOf(bySize: ReadonlyMap<number, readonly Figure[]>, size: number, name: string): Figure | undefined {
  return bySize.get(size)?.find((figure) => figure.name === name);
}

function toCell(figure: Figure | undefined, rounds: number): string {
  if (figure === undefined) return "–";
  const cell = figure.rounds === 1 ? toFigure(figure.median) : `${toFigure(figure.median)} (${toFigure(figure.min)})`;
  if (figure.rounds === rounds) return cell;
  const why = figure.slowRoundMs === undefined ? "" : `, of ${Math.round(figure.slowRoundMs / 1_000)} s`;
  return `${cell} [${figure.rounds} round${figure.rounds === 1 ? "" : "s"}${why}]`;
}

function toTargets(cost: (size: number, contender: Contender) => number): Target[] {
  return [
    { promise: "100 000 against 1 000, per execution", value: cost(100_000, actorfleet) / cost(1_000, actorfleet), atMost: 1.3 },
    { promise: "times p-queue at 100 000", value: cost(100_000, actorfleet) / cost(100_000, pQueue), atMost: 18 },
    { promise: "times as fast as naive XState at 10 000", value: cost(10_000, naiveXState) / cost(10_000, actorfleet), atLeast: 50 },
  ];
}
