import { createFleetInspector, type FleetInspectorOptions } from "../../src/inspect/index.ts";
import { createNoOperationCoordinator } from "./contenders/actorfleet.ts";
import { awaitAll } from "./contenders/contender.ts";
import type { Part } from "./memory.ts";
import { measureInRounds } from "./rounds.ts";
import { toFigure, toTable } from "./table.ts";

const executionsPerSample = 50_000;

/** What an inspector costs that shows one execution in a hundred, and one that shows all; the connection itself is left out. */
export async function measureInspection({ rounds }: { rounds: number }): Promise<Part> {
  const figures = await measureInRounds(
    "inspection",
    [
      { name: "no inspector", sample: () => costWith(undefined) },
      { name: "1 % shown", sample: () => costWith({ sample: 0.01, maxExecutions: executionsPerSample }) },
      { name: "all shown", sample: () => costWith({ maxExecutions: executionsPerSample }) },
    ],
    rounds,
  );
  const [without, sampled] = figures;
  return {
    title: "µs per no-op execution with an inspector",
    table: toTable(
      ["", "median", "least"],
      figures.map(({ name, median, min }) => [name, toFigure(median), toFigure(min)]),
    ),
    figures: { figures },
    targets: [
      { promise: "1 % shown against no inspector", value: (sampled?.median ?? Number.NaN) / (without?.median ?? Number.NaN), atMost: 1.5 },
    ],
  };
}

async function costWith(options: FleetInspectorOptions | undefined): Promise<number> {
  let bytes = 0;
  const adapter = {
    send: (message: object) => {
      bytes += JSON.stringify(message).length;
    },
  };
  const inspector = options && createFleetInspector({ ...options, inspector: { adapter } });
  const coordinator = createNoOperationCoordinator(inspector && { inspect: inspector });
  const startedAt = performance.now();
  await awaitAll(executionsPerSample, async (input) => coordinator.waitFor(await coordinator.start(input)));
  const tookMs = performance.now() - startedAt;
  await coordinator.close();
  if (inspector !== undefined && bytes === 0) throw new Error("the inspector was told nothing");
  return (tookMs * 1_000) / executionsPerSample;
}
