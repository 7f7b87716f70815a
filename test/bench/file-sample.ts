import type { FileContender } from "./contenders/file-contender.ts";
import { withFile } from "./sqlite-files.ts";

/** How executions are started: each by a call of its own, as many calls under way as may run; or by calls for many, one after the other. */
type StartMode = "single" | "many";
type Durability = "NORMAL" | "FULL";

export interface Line {
  readonly mode: StartMode;
  readonly synchronous: Durability;
  readonly concurrency: number;
}

export interface FileSample extends Line {
  /** How many executions. */
  readonly count: number;
}

/** What one call of `startMany` starts. */
const batchSize = 1_000;

/** µs per execution. */
export async function takeSample(contender: FileContender, { mode, synchronous, concurrency, count }: FileSample): Promise<number> {
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
