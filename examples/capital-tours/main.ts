/**
 * Tours through the capitals of the world: for the world, each continent and each subregion, one execution per start (the northernmost,
 * easternmost, southernmost and westernmost country), five at a time. Each is an autonomous run: an executor improves its tour, an oracle
 * compares it with a bound that no tour can be shorter than, and so on until that is good enough or the iterations are used up.
 * Ctrl-C stops it, and shows what was done; started again, it goes on from there, and after a kill -9, too. Options: see `usage`.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createLiveTable } from "../../src/cli/live-table.ts";
import { serve } from "../../src/http/index.ts";
import { createAtlas } from "./atlas.ts";
import { cancelRivals } from "./cancel-rivals.ts";
import { followTours } from "./follow-tours.ts";
import { loadAreas } from "./regions.ts";
import {
  endLines,
  finalTable,
  foundLines,
  iterationLines,
  leftLines,
  liveLines,
  oracleErrorLines,
  routeLines,
  totalLines,
} from "./report.ts";
import { beginOrGoOn, openTours, tourId } from "./tour-job.ts";

const usage = `npm start -- [options]
  --fresh         begins anew, although there is something to go on with
  --routes        shows the tours, capital by capital
  --state FILE    where executions are kept; .actorfleet/tours.db`;

const options = readOptions();
const areas = loadAreas();
const areaOf = new Map(areas.flatMap(({ name, outermost }) => outermost.map((from) => [tourId(name, from), name])));
const atlas = createAtlas(areas);
const { store, coordinator } = openTours(options.state, options.fresh, atlas);
const table = createLiveTable(process.stdout);
const startedAt = performance.now();
const elapsedMs = () => performance.now() - startedAt;

// Everything that happens is an event: of an execution, or told by the run inside it. Here each end becomes a line that stays.
const { tours, hear, recall } = followTours(atlas);
coordinator.on("*", hear);
coordinator.on("*", cancelRivals(coordinator, tours));
coordinator.on("*", (event) => {
  const area = areaOf.get(event.executionId);
  table.print(...endLines(event, area, tours, table.width));
  if (event.type !== "execution.reported") return;
  table.print(...oracleErrorLines(event.event, area));
  if (!table.live) table.print(...iterationLines(event.event, area, tours));
});

const { isNew, found } = await beginOrGoOn(coordinator, areas);
for (const info of found) recall(info);
if (!isNew) table.print(...foundLines(found, table.width));
const dashboard = await serve(coordinator, { dashboard: true });
table.print({ text: `The dashboard is at ${dashboard.url} as long as this runs.` });
coordinator.resume();

// First Ctrl-C: what runs is given back as it was after its last finished pass. Second: go at once.
process.once("SIGINT", () => {
  process.once("SIGINT", () => process.exit(130));
  process.exitCode = 130;
  table.print({ text: "Stopping; Ctrl-C again to exit at once.", style: "yellow" });
  void coordinator.close({ mode: "release", deadlineMs: 250 });
});

// What runs is asked for ten times a second: a query reads what is stored and disturbs no execution.
let isOver = false;
const drawing = (async () => {
  for (; !isOver; await pause(100)) {
    const [running, counts] = await Promise.all([coordinator.list({ status: "running" }), coordinator.counts()]);
    table.show(liveLines(running.items, tours, counts, elapsedMs(), table.width));
  }
})();
await Promise.allSettled(found.map(({ id }) => coordinator.waitFor(id)));
isOver = true;
await drawing;
await dashboard.close();
await coordinator.close();
table.stop();

const executions = (await coordinator.list({ limit: 1_000 })).items;
for (const info of executions) recall(info);
table.print(
  ...finalTable(areas, executions, tours, table.width),
  ...totalLines(await coordinator.counts(), elapsedMs(), table.width),
  ...leftLines(executions, table.width),
);
if (options.routes) table.print(...routeLines(areas, executions, tours, table.width));
await store.close();

function readOptions(): { state: string; fresh: boolean; routes: boolean } {
  const flag = { type: "boolean", default: false } as const;
  try {
    const state = { type: "string", default: ".actorfleet/tours.db" } as const;
    return parseArgs({ options: { fresh: flag, routes: flag, state } }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}
