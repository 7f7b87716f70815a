import { collectGarbage } from "./heap.ts";

/** Something that is measured once per round. */
export interface Measurement {
  readonly name: string;
  /** Gives one figure. */
  sample(): Promise<number>;
}

export interface Figure {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly rounds: number;
  /** How long one round took, where that was the reason to do fewer than asked. */
  readonly slowRoundMs?: number;
}

/** A measurement that took so long is not repeated. */
const slowRoundMs = 20_000;

/**
 * Measures all of them in turn, so often; what disturbs the machine for a while then disturbs all alike. Garbage is collected before each
 * sample, outside of it.
 */
export async function measureInRounds(title: string, measurements: readonly Measurement[], rounds: number): Promise<Figure[]> {
  const samples = new Map<Measurement, number[]>(measurements.map((measurement) => [measurement, []]));
  const slow = new Map<Measurement, number>();
  for (let round = 1; round <= rounds; round += 1) {
    for (const measurement of measurements) {
      if (slow.has(measurement)) continue;
      process.stderr.write(`${title}: round ${round} of ${rounds}, ${measurement.name}\n`);
      await collectGarbage();
      const startedAt = performance.now();
      samples.get(measurement)?.push(await measurement.sample());
      const tookMs = performance.now() - startedAt;
      if (tookMs > slowRoundMs) slow.set(measurement, tookMs);
    }
  }
  return measurements.map((measurement) => {
    const taken = (samples.get(measurement) ?? []).sort((a, b) => a - b);
    const tookMs = slow.get(measurement);
    return {
      name: measurement.name,
      median: median(taken),
      min: taken[0] ?? Number.NaN,
      rounds: taken.length,
      ...(tookMs !== undefined && taken.length < rounds && { slowRoundMs: tookMs }),
    };
  });
}

/** Of numbers in ascending order. */
export function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? Number.NaN) + (sorted[Math.floor(middle)] ?? Number.NaN)) / 2;
}
