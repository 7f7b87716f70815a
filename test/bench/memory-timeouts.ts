import { createCoordinator } from "../../src/index.ts";
import { awaitAll, maxConcurrent, noOperation } from "./contenders/contender.ts";
import type { Part } from "./report.ts";
import { measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const liveCount = 8_000;
const executionsPerSample = 20_000;

/** The cost of a no-op execution while thousands of others live, with a timeout on every one of them and with none. */
export async function measureTimeouts({ rounds }: { rounds: number }): Promise<Part> {
  const figures = await measureInRounds(
    `${liveCount} live executions`,
    [
      { name: "no timeouts", sample: () => costBesideLive(undefined) },
      { name: "a timeout each", sample: () => costBesideLive(60_000) },
    ],
    rounds,
  );
  const [without, withTimeouts] = figures;
  return {
    title: `µs per no-op execution beside ${liveCount.toLocaleString("en")} that live on`,
    table: toTable(
      ["", "median", "least"],
      figures.map(({ name, median, min }) => [name, toFigure(median), toFigure(min)]),
    ),
    figures: { figures },
    targets: [
      {
        promise: "with timeouts against without",
        value: (withTimeouts?.median ?? Number.NaN) / (without?.median ?? Number.NaN),
        atMost: 1.3,
      },
    ],
  };
}

async function costBesideLive(timeoutMs: number | undefined): Promise<number> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const coordinator = createCoordinator({
    orchestrator: async (input: number | "live") => (input === "live" ? released : noOperation(input)),
    maxConcurrent: liveCount + maxConcurrent,
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  for (let live = 0; live < liveCount; live += 1) await coordinator.start("live");
  const startedAt = performance.now();
  await awaitAll(executionsPerSample, async (input) => coordinator.waitFor(await coordinator.start(input)));
  const tookMs = performance.now() - startedAt;
  release();
  await coordinator.close();
  return (tookMs * 1_000) / executionsPerSample;
}
