import { actorfleet, createNoOperationCoordinator } from "./contenders/actorfleet.ts";
import type { Contender } from "./contenders/contender.ts";
import { fastqPromise } from "./contenders/fastq.ts";
import { naiveXState } from "./contenders/naive-xstate.ts";
import { pQueue } from "./contenders/p-queue.ts";
import { plainMap } from "./contenders/plain-map.ts";
import { liveHeap } from "./heap.ts";
import type { Part } from "./report.ts";
import { measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const queuedCount = 20_000;
const naiveQueuedCount = 1_000;
const finishedCount = 200_000;

/** Bytes per execution that waits, and per execution that is gone. */
export async function measureHeap({ rounds }: { rounds: number }): Promise<Part> {
  const queued = await measureInRounds(
    "heap per queued execution",
    [
      { name: "actorfleet", sample: queuedWithoutWaiter },
      ...[actorfleet, pQueue, fastqPromise, plainMap, naiveXState].map((contender) => ({
        name: `${contender.name}, result awaited`,
        sample: () => queuedWithWaiter(contender),
      })),
    ],
    rounds,
  );
  const finished = await measureInRounds(
    "heap kept per finished execution",
    [0, 100].map((maxCount) => ({ name: `actorfleet, retention maxCount ${maxCount}`, sample: () => keptPerFinished(maxCount) })),
    rounds,
  );
  const rows = (figures: typeof queued, what: string) =>
    figures.map(({ name, median, min }) => [`${what}: ${name}`, toFigure(median), toFigure(min)]);
  return {
    title: `Bytes of heap, garbage collected (${queuedCount.toLocaleString("en")} queued; ${finishedCount.toLocaleString("en")} finished)`,
    table: toTable(["", "median", "least"], [...rows(queued, "per queued"), ...rows(finished, "kept per finished")]),
    figures: { queued, finished },
    targets: [
      { promise: "bytes per queued execution", value: queued[0]?.median ?? Number.NaN, atMost: 3_072 },
      {
        promise: "bytes kept per finished execution that retention dropped",
        value: Math.max(...finished.map(({ median }) => median)),
        atMost: 16,
      },
    ],
  };
}

async function queuedWithoutWaiter(): Promise<number> {
  const coordinator = createNoOperationCoordinator();
  coordinator.pause();
  const before = await liveHeap();
  for (let input = 0; input < queuedCount; input += 1) await coordinator.start(input);
  const after = await liveHeap();
  await coordinator.close({ mode: "cancel" });
  return (after - before) / queuedCount;
}

/** With the promise of each result, which every contender's caller has. */
async function queuedWithWaiter(contender: Contender): Promise<number> {
  const count = contender === naiveXState ? naiveQueuedCount : queuedCount;
  const subject = contender.open();
  subject.pause();
  const before = await liveHeap();
  const run = subject.run(count);
  const after = await liveHeap();
  subject.resume();
  await run;
  await subject.close();
  return (after - before) / count;
}

/** What grows with the number of executions although nothing is kept of them. */
async function keptPerFinished(maxCount: number): Promise<number> {
  const coordinator = createNoOperationCoordinator({ retention: { maxCount } });
  const runInWaves = async (count: number) => {
    for (let done = 0; done < count; done += 1_000) {
      for (let input = 0; input < 1_000; input += 1) await coordinator.start(input);
      await coordinator.drain();
    }
  };
  // Once before: tables that grow by doubling, and code that is compiled, are no leak.
  await runInWaves(20_000);
  const before = await liveHeap();
  await runInWaves(finishedCount);
  const after = await liveHeap();
  await coordinator.close();
  return (after - before) / finishedCount;
}
