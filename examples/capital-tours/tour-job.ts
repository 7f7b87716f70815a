import { mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { createSqliteStore } from "../../src/adapters/sqlite/index.ts";
import {
  createAutonomousOrchestrator,
  createDurableCoordinator,
  type DurableCoordinator,
  type ExecutionInfo,
  loadSettings,
  type RunOutcome,
} from "../../src/index.ts";
import type { Atlas } from "./atlas.ts";
import { createTourExecutor, type TourRequest, type TourStep } from "./improve-tour.ts";
import { createTourOracle } from "./judge-tour.ts";
import type { Area } from "./regions.ts";

export type TourCoordinator = DurableCoordinator<TourRequest, RunOutcome<TourStep>>;
export type TourInfo = ExecutionInfo<RunOutcome<TourStep>>;

/** Opens the file that keeps the executions, so that a process that ends in the middle leaves the rest to the next one. */
export function openTours(file: string, isFresh: boolean, atlas: Atlas) {
  if (isFresh) for (const suffix of ["", "-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
  mkdirSync(dirname(file), { recursive: true });
  const store = createSqliteStore({ filename: file });
  const coordinator: TourCoordinator = createDurableCoordinator({
    name: "capital-tours",
    store,
    orchestrator: createAutonomousOrchestrator({
      executor: createTourExecutor(atlas),
      oracle: createTourOracle(atlas),
      // Asked when the iterations are used up: no round makes a tour longer, so the last one is the best so far.
      finalIteration: { forceCompletion: ({ lastResult }) => lastResult },
    }),
    maxConcurrent: 5,
    leaseMs: 5_000, // So long does the next process wait for what a killed one held; one that ends by Ctrl-C gives it back.
    retention: { maxAgeMs: Number.POSITIVE_INFINITY }, // Whoever goes on next week wants today's tours in the table, too.
  });
  coordinator.pause(); // Until everybody listens, and what is there has been looked at.
  return { store, coordinator };
}

/** Goes on with the job that is there, or begins a new one where there is none or where it is over. Gives the executions as they are now. */
export async function beginOrGoOn(coordinator: TourCoordinator, areas: readonly Area[]): Promise<{ isNew: boolean; found: TourInfos }> {
  const { queued, running } = await coordinator.counts();
  const isNew = queued + running === 0;
  if (isNew) {
    await coordinator.cleanup({ olderThanMs: 0 });
    await coordinator.startMany(await toEntries(areas)); // All or none.
  }
  return { isNew, found: (await coordinator.list({ limit: 1_000 })).items };
}

export type TourInfos = readonly TourInfo[];

/** The id of the execution for the tour through an area from a country. */
export function tourId(area: string, from: string): string {
  return `${area} from ${from}`;
}

/** One execution per start; the world first, because it takes longest. A group's executions take turns with those of other groups. */
async function toEntries(areas: readonly Area[]) {
  // How long to go on and what is good enough is not in the code, but in two files.
  const settingsFile = (name: string) => loadSettings(fileURLToPath(new URL(name, import.meta.url)));
  const [thorough, quick] = await Promise.all([settingsFile("thorough.yaml"), settingsFile("quick.yaml")]);
  return areas.flatMap(({ name, level, outermost }) =>
    outermost.map((from) => {
      const id = tourId(name, from);
      const prompt = `Find a short round trip through the capitals of ${name}, from ${from}.`;
      return {
        input: { id, prompt, area: name, from } satisfies TourRequest,
        options: { id, group: name, tags: [from], priority: level === 0 ? 1 : 0, settings: level < 2 ? thorough : quick },
      };
    }),
  );
}
