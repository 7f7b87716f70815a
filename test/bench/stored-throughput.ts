import type { Contender } from "./contenders/stored-contender.ts";
import { type Figure, measureInRounds } from "./rounds.ts";
import { Sampler } from "./sampler.ts";
import type { SampleSetting, StartMode } from "./stored-sample.ts";

export interface ThroughputSetting {
  readonly contenders: readonly Contender[];
  readonly mode: StartMode;
  readonly concurrency: number;
  readonly rounds: number;
  /** How long a sample should take. */
  readonly sampleMs: number;
  connectionString(contender: Contender): Promise<string>;
}

/** µs per execution. */
export async function measureStoredThroughput(setting: ThroughputSetting): Promise<Figure[]> {
  const { mode, concurrency, rounds, sampleMs } = setting;
  const contenders = setting.contenders.filter(({ startsMany }) => mode === "single" || startsMany);
  const samplers: Sampler<SampleSetting>[] = [];
  try {
    const measurements: { name: string; sample(): Promise<number> }[] = [];
    for (const contender of contenders) {
      const connectionString = await setting.connectionString(contender);
      const sampler = new Sampler<SampleSetting>(new URL("./stored-sample.ts", import.meta.url), contender);
      samplers.push(sampler);
      const sampleOf = (count: number) => sampler.sample({ connectionString, mode, concurrency, count });
      // Fewer are slower each; so the second warm-up says what the samples take.
      const few = await sampleOf(Math.min(200, concurrency * 20));
      const more = await sampleOf(toCount(few, sampleMs / 2, concurrency));
      const count = toCount(more, sampleMs, concurrency);
      measurements.push({ name: contender.name, sample: () => sampleOf(count) });
    }
    return await measureInRounds(`${mode}, ${concurrency} at a time`, measurements, rounds);
  } finally {
    for (const sampler of samplers) sampler.close();
  }
}

function toCount(usEach: number, forMs: number, concurrency: number): number {
  return Math.max(concurrency * 4, 100, Math.min(20_000, Math.round((forMs * 1_000) / usEach)));
}
