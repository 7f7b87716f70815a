import { it } from "vitest";
import type { ContractCase } from "../../src/testing/contract/contract-case.ts";

/**
 * The cases of a contract as tests, each of which tells how its own case went. The first of them to run runs all cases at once: for contracts
 * whose cases wait for a server most of the time, each in a world of its own. What they leave behind or print is the first one's fault.
 */
export function contractAtOnce(cases: readonly ContractCase[], limitMs = 60_000): void {
  let outcomes: ReadonlyMap<string, Promise<void>> | undefined;
  const runAll = async () => {
    outcomes = new Map(cases.map(({ name, run }) => [name, within(limitMs, run())]));
    await Promise.allSettled(outcomes.values());
  };
  let all: Promise<void> | undefined;
  for (const { name } of cases) {
    it(
      name,
      async () => {
        all ??= runAll();
        await all;
        await outcomes?.get(name);
      },
      limitMs + 10_000,
    );
  }
}

/** So that one that never ends is told by its own test. */
async function within(limitMs: number, run: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not at its end after ${limitMs} ms`)), limitMs);
  });
  try {
    await Promise.race([run, late]);
  } finally {
    clearTimeout(timer);
  }
}
