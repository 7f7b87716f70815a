import type { Contender, StoredSubject } from "./contenders/stored-contender.ts";

/** How executions are started: each by a call of its own while others run, or all by one call before any runs. */
export type StartMode = "single" | "many";

export interface SampleSetting {
  readonly connectionString: string;
  readonly mode: StartMode;
  readonly concurrency: number;
  /** How many executions. */
  readonly count: number;
}

/** µs per execution, from the first start until the last end is stored. */
export async function takeSample(contender: Contender, { connectionString, mode, concurrency, count }: SampleSetting): Promise<number> {
  const watch = await contender.watch(connectionString);
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
