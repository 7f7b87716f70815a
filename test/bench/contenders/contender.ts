/** What every contender lets run at the same time. */
export const maxConcurrent = 100;

/** The work of one execution: as good as nothing, so that what is measured is what surrounds it. */
export async function noOperation(input: number): Promise<number> {
  return input;
}

/** Something that runs many async functions, a limited number at a time. */
export interface Contender {
  readonly name: string;
  open(): Subject;
}

/** One fresh instance of a contender. */
interface Subject {
  /** Starts so many executions at once; resolves when the result of each was awaited. */
  run(count: number): Promise<void>;
  /** Begins nothing until `resume`. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

/** Fails when an execution did not give the result that it should. */
function checkResults(results: readonly unknown[]): void {
  for (let input = 0; input < results.length; input += 1) {
    if (results[input] !== input) throw new Error(`execution ${input} gave ${String(results[input])}`);
  }
}

/** The inputs 0 … count − 1, each given to `start`, all results awaited and checked. */
export async function awaitAll(count: number, start: (input: number) => Promise<unknown>): Promise<void> {
  const results: Promise<unknown>[] = [];
  for (let input = 0; input < count; input += 1) results.push(start(input));
  checkResults(await Promise.all(results));
}
