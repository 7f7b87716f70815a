/**
 * Tours through the capitals of the world: for the world, each continent and each subregion, one execution per start (the northernmost,
 * easternmost, southernmost and westernmost country), five at a time. Each is an autonomous run: an executor improves its tour, an oracle
 * compares it with a bound that no tour can be shorter than, and so on until that is good enough or the iterations are used up.
 * `npm start`, or `npm start -- --routes` to read the tours, too. Ctrl-C stops everything and shows what was done.
 */
import { fileURLToPath } from "node:url";
import { createCoordinator, loadSettings } from "../../src/index.ts";
import { createAtlas } from "./atlas.ts";
import { followTours } from "./follow-tours.ts";
import { createTourExecutor, type TourRequest } from "./improve-tour.ts";
import { createTourOracle } from "./judge-tour.ts";
import { createLiveTable } from "./live-table.ts";
import { loadAreas } from "./regions.ts";
import { endLines, finalTable, iterationLines, liveLines, oracleErrorLines, routeLines, totals } from "./report.ts";

// How long to go on and what is good enough is not in the code, but in two files.
const settingsFile = (name: string) => loadSettings(fileURLToPath(new URL(name, import.meta.url)));
const [thorough, quick] = await Promise.all([settingsFile("thorough.yaml"), settingsFile("quick.yaml")]);

const areas = loadAreas();
const atlas = createAtlas(areas);
const coordinator = createCoordinator({
  executor: createTourExecutor(atlas),
  oracle: createTourOracle(atlas),
  // Asked when the iterations are used up: no round makes a tour longer, so the last one is the best so far.
  finalIteration: { forceCompletion: ({ lastResult }) => lastResult },
  maxConcurrent: 5,
});
const table = createLiveTable(process.stdout);
const startedAt = performance.now();
const elapsedMs = () => performance.now() - startedAt;

// Everything that happens is an event: of an execution, or told by the run inside it. Here each end becomes a line that stays.
const { tours, hear } = followTours(atlas);
coordinator.on("*", hear);
coordinator.on("*", (event) => {
  const info = coordinator.getStatus(event.executionId);
  if (info === undefined) return;
  if (event.type === "execution.completed" || event.type === "execution.failed" || event.type === "execution.cancelled")
    table.print(...endLines(info, tours, table.width));
  if (event.type === "execution.reported") {
    table.print(...oracleErrorLines(event.event, info.group));
    if (!table.live) table.print(...iterationLines(event.event, info.group, tours));
  }
});

// The rule that cancels: tours around the world cost most, so after three iterations only the shortest of them may go on.
const worldTours = new Set<string>();
coordinator.on("execution.reported", ({ executionId, event }) => {
  if (coordinator.getStatus(executionId)?.group !== "World" || event.type !== "iterationCompleted" || event.iteration !== 3) return;
  worldTours.add(executionId);
  const rivals = coordinator.list({ group: "World", status: "running" }).items;
  if (rivals.some(({ id }) => !worldTours.has(id))) return;
  const [, ...losers] = rivals.toSorted((a, b) => tours.get(a.id)!.lengthKm - tours.get(b.id)!.lengthKm);
  for (const { id } of losers) void coordinator.cancel(id, "another tour around the world is ahead after three iterations");
});

// First Ctrl-C: cancel all, wait until they have settled, show what was done. Second: go at once.
process.once("SIGINT", () => {
  process.once("SIGINT", () => process.exit(130));
  process.exitCode = 130;
  table.print({ text: "Stopping; Ctrl-C again to exit at once.", style: "yellow" });
  void coordinator.close({ mode: "cancel" });
});

// All or none. A group's executions take turns with those of other groups; the world begins first, because it takes longest.
await coordinator.startMany(
  areas.flatMap(({ name, level, outermost }) =>
    outermost.map((from) => {
      const id = `${name} from ${from}`;
      const prompt = `Find a short round trip through the capitals of ${name}, from ${from}.`;
      return {
        input: { id, prompt, area: name, from } satisfies TourRequest,
        options: { id, group: name, tags: [from], priority: level === 0 ? 1 : 0, settings: level < 2 ? thorough : quick },
      };
    }),
  ),
);

// What runs is asked for ten times a second: a query is a snapshot and costs the executions nothing.
const redraw = () =>
  table.show(liveLines(coordinator.list({ status: "running" }).items, tours, coordinator.counts(), elapsedMs(), table.width));
const redrawing = setInterval(redraw, 100);
await coordinator.drain();
clearInterval(redrawing);
table.stop();

const executions = coordinator.list({ limit: 1_000 }).items;
table.print(
  ...finalTable(areas, executions, tours, table.width),
  { text: "" },
  { text: totals(coordinator.counts(), elapsedMs()), style: "bold" },
);
if (process.argv.includes("--routes")) table.print(...routeLines(areas, executions, tours, table.width));
await coordinator.close();
