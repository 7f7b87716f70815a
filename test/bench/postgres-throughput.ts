import pg from "pg";
import type { Contender, StoredContender, StoredSubject } from "./contenders/stored-contender.ts";
import { type Figure, measureInRounds } from "./rounds.ts";

/** How executions are started: each by a call of its own while others run, or all by one call before any runs. */
export type StartMode = "single" | "many";

export interface ThroughputSetting<Kind extends Contender> {
  readonly contenders: readonly Kind[];
  readonly mode: StartMode;
  readonly concurrency: number;
  readonly rounds: number;
  /** How long a sample should take. */
  readonly sampleMs: number;
  connectionString(contender: Kind): Promise<string>;
  /** Looks at the server beside the contender. */
  watch(contender: Kind, connectionString: string): Promise<ServerWatch>;
}

export interface ServerWatch {
  /** After many were started, before any runs; not part of the time that is measured. */
  filled(): Promise<unknown>;
  /** How many were accepted and have not ended. */
  unfinished(): Promise<number>;
  close(): Promise<void>;
}

/** µs per execution, from the first start until the last end is stored. */
export async function measureStoredThroughput<Kind extends Contender>(setting: ThroughputSetting<Kind>): Promise<Figure[]> {
  const { mode, concurrency, rounds, sampleMs } = setting;
  const contenders = setting.contenders.filter(({ startsMany }) => mode === "single" || startsMany);
  const measurements: { name: string; sample(): Promise<number> }[] = [];
  for (const contender of contenders) {
    const connectionString = await setting.connectionString(contender);
    const sampleOf = async (count: number) =>
      sample(contender, await setting.watch(contender, connectionString), connectionString, mode, concurrency, count);
    // Fewer are slower each; so the second warm-up says what the samples take.
    const few = await sampleOf(Math.min(200, concurrency * 20));
    const more = await sampleOf(toCount(few, sampleMs / 2, concurrency));
    const count = toCount(more, sampleMs, concurrency);
    measurements.push({ name: contender.name, sample: () => sampleOf(count) });
  }
  return measureInRounds(`${mode}, ${concurrency} at a time`, measurements, rounds);
}

function toCount(usEach: number, forMs: number, concurrency: number): number {
  return Math.max(concurrency * 4, 100, Math.min(20_000, Math.round((forMs * 1_000) / usEach)));
}

async function sample(
  contender: Contender,
  watch: ServerWatch,
  connectionString: string,
  mode: StartMode,
  concurrency: number,
  count: number,
): Promise<number> {
  const begun = new Set<number>();
  let allBegun = () => {};
  const beginning = new Promise<void>((resolve) => {
    allBegun = resolve;
  });
  const subject = await contender.open({
    connectionString,
    concurrency,
    begun(input) {
      begun.add(input);
      if (begun.size === count) allBegun();
    },
  });
  const startedAt = performance.now();
  let pausedMs = 0;
  if (mode === "many") {
    await subject.startMany(Array.from({ length: count }, (_, input) => input));
    const pausedAt = performance.now();
    await watch.filled();
    pausedMs = performance.now() - pausedAt;
    await subject.work();
  } else {
    await subject.work();
    await startEach(subject, count, concurrency);
  }
  await beginning;
  while ((await watch.unfinished()) > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  const tookMs = performance.now() - startedAt - pausedMs;
  await subject.close();
  await watch.close();
  return (tookMs * 1_000) / count;
}

async function startEach(subject: StoredSubject, count: number, callers: number): Promise<void> {
  let next = 0;
  const call = async () => {
    while (next < count) await subject.start(next++);
  };
  await Promise.all(Array.from({ length: Math.min(callers, count) }, call));
}

/** With a connection of its own. */
export async function watchPostgres({ unfinishedSql }: StoredContender, connectionString: string): Promise<ServerWatch> {
  const admin = new pg.Client({ connectionString });
  await admin.connect();
  return {
    // Some plan by statistics, and would not have got them from a queue that fills in one go.
    filled: () => admin.query("ANALYZE"),
    async unfinished() {
      const { rows } = await admin.query<{ unfinished: number }>(unfinishedSql);
      return rows[0]?.unfinished ?? Number.NaN;
    },
    close: () => admin.end(),
  };
}
