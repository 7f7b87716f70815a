import { setTimeout as delay } from "node:timers/promises";
import type { Contender } from "./contenders/stored-contender.ts";

/** Enough for a p99, few enough for those that take long. */
const startsPerRound = 40;
/** After an execution has begun, so that it has ended and nothing is under way when the next one starts. */
const pauseMs = 8;

export interface LatencyFigure {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
}

/** Milliseconds from the call of start until the execution begins, while nothing else is going on. */
export async function measureLatency(
  contenders: readonly Contender[],
  rounds: number,
  connectionString: (contender: Contender) => Promise<string>,
): Promise<LatencyFigure[]> {
  const samples = new Map<Contender, number[]>(contenders.map((contender) => [contender, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      process.stderr.write(`idle latency: round ${round} of ${rounds}, ${contender.name}\n`);
      samples.get(contender)?.push(...(await sample(contender, await connectionString(contender))));
    }
  }
  return contenders.map((contender) => {
    const sorted = (samples.get(contender) ?? []).sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
    return { name: contender.name, p50: at(0.5), p99: at(0.99) };
  });
}

async function sample(contender: Contender, connectionString: string): Promise<number[]> {
  let begin = (_at: number) => {};
  const subject = await contender.open({ connectionString, concurrency: 10, begun: () => begin(performance.now()) });
  await subject.work();
  const took: number[] = [];
  // The first ones open connections.
  for (let count = -5; count < startsPerRound; count++) {
    const begun = new Promise<number>((resolve) => {
      begin = resolve;
    });
    const startedAt = performance.now();
    const started = subject.start(count);
    const ms = (await begun) - startedAt;
    await started;
    if (count >= 0) took.push(ms);
    await delay(pauseMs);
  }
  await subject.close();
  return took;
}
