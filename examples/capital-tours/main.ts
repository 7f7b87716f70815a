/**
 * Tours through the capitals of the world: for the world, each continent and each subregion, one execution per start (the northernmost,
 * easternmost, southernmost and westernmost country), five at a time. Each improves its tour round by round until no tour can be shorter or
 * until nothing helps any more. `npm start`, or `npm start -- --routes` to read the tours, too. Ctrl-C stops everything and shows what was done.
 */
import { createCoordinator } from "../../src/index.ts";
import { createTourOrchestrator, type TourProgress, type TourRequest } from "./find-tour.ts";
import { createLiveTable } from "./live-table.ts";
import { loadAreas } from "./regions.ts";
import { endLines, finalTable, liveLines, progressLines, routeLines, totals } from "./report.ts";

const areas = loadAreas();
const coordinator = createCoordinator({ orchestrator: createTourOrchestrator(areas), maxConcurrent: 5 });
const table = createLiveTable(process.stdout);
const startedAt = performance.now();
const elapsedMs = () => performance.now() - startedAt;

// Everything that happens is an event. Here each end becomes a line that stays.
coordinator.on("*", (event) => {
  const info = coordinator.getStatus(event.executionId);
  if (info === undefined) return;
  if (event.type === "execution.completed" || event.type === "execution.failed" || event.type === "execution.cancelled")
    table.print(...endLines(info, table.width));
  if (!table.live) table.print(...progressLines(event, info.group!));
});

// The rule that cancels: tours around the world cost most, so after 150 rounds only the shortest of them may go on.
coordinator.on("execution.progressed", ({ executionId, progress }) => {
  if (coordinator.getStatus(executionId)?.group !== "World" || roundOf(progress) !== 150) return;
  const rivals = coordinator.list({ group: "World", status: "running" }).items;
  if (rivals.some((rival) => roundOf(rival.progress) < 150)) return;
  const [, ...losers] = rivals.toSorted((a, b) => lengthOf(a.progress) - lengthOf(b.progress));
  for (const loser of losers) void coordinator.cancel(loser.id, "another tour around the world is ahead after 150 rounds");
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
  areas.flatMap(({ name, outermost }) =>
    outermost.map((from) => ({
      input: { area: name, from } satisfies TourRequest,
      options: { group: name, tags: [from], priority: name === "World" ? 1 : 0 },
    })),
  ),
);

// What runs is asked for ten times a second: a query is a snapshot and costs the executions nothing.
const redraw = () => table.show(liveLines(coordinator.list({ status: "running" }).items, coordinator.counts(), elapsedMs(), table.width));
const redrawing = setInterval(redraw, 100);
await coordinator.drain();
clearInterval(redrawing);
table.stop();

const executions = coordinator.list({ limit: 1_000 }).items;
table.print(
  ...finalTable(areas, executions, table.width),
  { text: "" },
  { text: totals(coordinator.counts(), elapsedMs()), style: "bold" },
);
if (process.argv.includes("--routes")) table.print(...routeLines(areas, executions, table.width));
await coordinator.close();

function roundOf(progress: unknown): number {
  return (progress as TourProgress | undefined)?.round ?? 0;
}

function lengthOf(progress: unknown): number {
  return (progress as TourProgress).lengthKm;
}
