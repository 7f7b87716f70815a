import { Worker } from "node:worker_threads";
import type { SimulationOptions, SimulationReport } from "../../src/testing/index.ts";

/** Seeds one after the other, run with the library at this place. */
export interface SeedRange {
  /** Where `simulate` is imported from. */
  readonly module: string;
  readonly first: number;
  readonly runs: number;
  readonly options: Omit<SimulationOptions, "seed">;
}

/** A run that broke a promise. */
export interface FailedRun {
  readonly seed: number;
  /** Position in its range, from 1. */
  readonly run: number;
  readonly message: string;
}

/** Numbers of reports, added up. */
export type Sums = Partial<Record<Exclude<keyof SimulationReport, "description" | "trace">, number>>;

/** What a thread tells. */
export type ThreadMessage =
  | { readonly type: "ran"; readonly runs: number; readonly sums: Sums }
  | { readonly type: "failed"; readonly failure: FailedRun };

/** Runs in this many threads, until all seeds have run or one has failed; the failure with the lowest seed counts. */
export async function runSeeds(
  range: SeedRange,
  threads: number,
  progressed: (runs: number) => void = () => {},
): Promise<{ runs: number; sums: Sums; failure: FailedRun | undefined }> {
  const sums: Sums = {};
  let runs = 0;
  const failures: FailedRun[] = [];
  let next = 0;
  // Small pieces, so that all threads end together; and large ones, because a thread is slow until it has compiled what it runs often.
  const piece = Math.max(1, Math.min(5_000, Math.ceil(range.runs / threads)));
  const work = async (): Promise<void> => {
    while (next < range.runs && failures.length === 0) {
      const offset = next;
      next += piece;
      const part = { ...range, first: range.first + offset, runs: Math.min(piece, range.runs - offset) };
      const failure = await runPart(part, (message) => {
        runs += message.runs;
        for (const [key, value] of Object.entries(message.sums)) sums[key as keyof Sums] = (sums[key as keyof Sums] ?? 0) + value;
        progressed(runs);
      });
      if (failure !== undefined) failures.push({ ...failure, run: failure.run + offset });
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  return { runs, sums, failure: failures.sort((a, b) => a.seed - b.seed)[0] };
}

/** How long a thread may take for one run before it counts as hung. */
const patienceMs = 30_000;

function runPart(range: SeedRange, ran: (message: Extract<ThreadMessage, { type: "ran" }>) => void): Promise<FailedRun | undefined> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./simulation-thread.ts", import.meta.url), { workerData: range });
    let done = 0;
    let failure: FailedRun | undefined;
    // A thread ends by itself: to end one in the middle of something has crashed the process that runs the tests.
    const hung = () => {
      failure ??=
        done === range.runs
          ? undefined
          : { seed: range.first + done, run: done + 1, message: `seed ${range.first + done}: the run does not end` };
      void thread.terminate();
    };
    let watchdog = setTimeout(hung, patienceMs);
    thread.on("message", (message: ThreadMessage) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(hung, patienceMs);
      if (message.type === "failed") failure ??= message.failure;
      else {
        done += message.runs;
        ran(message);
      }
    });
    thread.on("exit", () => {
      clearTimeout(watchdog);
      resolve(failure);
    });
    thread.on("error", (error) => {
      clearTimeout(watchdog);
      reject(error);
    });
  });
}
