import type { Line } from "../../src/cli/live-table.ts";
import type { ExecutionCounts, ExecutionEvent, RunEvent, RunOutcome } from "../../src/index.ts";
import type { TourProgress } from "./follow-tours.ts";
import type { TourStep } from "./improve-tour.ts";
import { provenGap } from "./judge-tour.ts";
import type { Area } from "./regions.ts";
import type { TourInfo } from "./tour-job.ts";

type Tours = ReadonlyMap<string, TourProgress>;

/** What is running, one line each, and the totals. */
export function liveLines(running: readonly TourInfo[], tours: Tours, counts: ExecutionCounts, elapsedMs: number, width: number): Line[] {
  const rows = running.map(({ id, group, state }): Line => {
    const tour = tours.get(id);
    const stopping = state === "running.cancelling";
    return {
      text: `  ${areaCell(group, width)} ${tour === undefined ? "in another process" : tourCells(tour, width)}${stopping ? "  stopping" : ""}`,
      style: stopping ? "yellow" : "cyan",
    };
  });
  return [{ text: "" }, ...rows, { text: totals(counts, elapsedMs), style: "bold" }];
}

function areaCell(name = "", width: number): string {
  const size = width >= 88 ? 26 : 16;
  return (name.length > size ? `${name.slice(0, size - 1)}…` : name).padEnd(size);
}

/** As many cells as there is room for. */
function tourCells({ start, iteration, round, lengthKm, gap, firstGap }: TourProgress, width: number): string {
  const cells = [`iteration ${String(iteration).padStart(2)}`, kilometres(lengthKm), gapText(gap)];
  if (width >= 76) cells.unshift(`from ${start}`.padEnd(22));
  if (width >= 103) cells.splice(2, 0, `round ${String(round).padStart(3)}`);
  if (width >= 117) cells.push(gapBar(gap, firstGap));
  return cells.join("  ");
}

/** What is left of the gap that the tour began with; not in proportion, so that the last of it can be seen, too. */
function gapBar(gap: number, firstGap: number): string {
  const cells = 12;
  const left = gap < provenGap ? 0 : Math.ceil(cells * Math.sqrt(gap / firstGap));
  return "█".repeat(cells - left) + "░".repeat(left);
}

/** All of it on a screen of any width. */
export function totalLines(counts: ExecutionCounts, elapsedMs: number, width: number): Line[] {
  return [{ text: "" }, ...wrapped(totals(counts, elapsedMs), width, "bold")];
}

function totals(counts: ExecutionCounts, elapsedMs: number): string {
  const { completed, failed, cancelled, running, queued, total } = counts;
  const ended = completed + failed + cancelled;
  const ends = `${completed} completed, ${failed} failed, ${cancelled} cancelled`;
  return `${ended}/${total} ended: ${ends}, ${running} running, ${queued} queued, ${duration(elapsedMs)}`;
}

/** What an earlier process has left to go on with. */
export function foundLines(executions: readonly TourInfo[], width: number): Line[] {
  const { begun, untried } = leftOf(executions);
  const ended = executions.length - begun - untried;
  const text = `Going on: ${ended} of ${executions.length} have ended, ${begun} go on after their last pass, ${untried} have not begun.`;
  return wrapped(`${text} (npm start -- --fresh begins anew.)`, width, "yellow");
}

/** What is left for the next process, where something is. */
export function leftLines(executions: readonly TourInfo[], width: number): Line[] {
  const { begun, untried } = leftOf(executions);
  if (begun + untried === 0) return [];
  const text = `npm start goes on: ${begun} from where they were, ${untried} from their beginning. npm start -- --fresh begins anew.`;
  return wrapped(text, width, "yellow");
}

function leftOf(executions: readonly TourInfo[]): { begun: number; untried: number } {
  const live = executions.filter(({ completedAt }) => completedAt === undefined);
  const begun = live.filter(({ startedAt }) => startedAt !== undefined).length;
  return { begun, untried: live.length - begun };
}

/** A line about an end, to stay on the screen; none about anything else, nor about what was cancelled before it began. */
export function endLines(event: ExecutionEvent<RunOutcome<TourStep>>, area: string | undefined, tours: Tours, width: number): Line[] {
  const cell = areaCell(area, width);
  if (event.type === "execution.failed") return [{ text: `✗ ${cell} ${event.error.message}`, style: "red" }];
  const tour = tours.get(event.executionId);
  if (tour === undefined) return [];
  if (event.type === "execution.cancelled") {
    const why = event.reason === undefined ? "" : `, ${event.reason}`;
    return [{ text: `■ ${cell} from ${tour.start}: cancelled${why}`, style: "yellow" }];
  }
  if (event.type !== "execution.completed") return [];
  const { goalAchieved, usage } = event.result;
  const time = width >= 94 ? duration(usage.wallMs).padStart(6) : "";
  const cells = tourCells(tour, Math.min(width, 116));
  return [{ text: `${goalAchieved ? "✓" : "≈"} ${cell} ${cells}  ${time}`.trimEnd(), style: goalAchieved ? "green" : "blue" }];
}

/** An oracle that fails ends no run, but should not go unseen. */
export function oracleErrorLines(event: RunEvent, group: string | undefined): Line[] {
  return event.type === "oracleError" ? [{ text: `✗ ${areaCell(group, 100)} ${event.error.message}`, style: "red" }] : [];
}

/** For where nothing can be redrawn: every third iteration of a run. */
export function iterationLines({ type, executionId, iteration }: RunEvent, group: string | undefined, tours: Tours): Line[] {
  const tour = tours.get(executionId);
  if (type !== "iterationCompleted" || iteration % 3 > 0 || tour === undefined) return [];
  return [{ text: `… ${areaCell(group, 100)} ${tourCells(tour, 116)}` }];
}

/** The shortest finished tour of each area, capital by capital. */
export function routeLines(areas: readonly Area[], executions: readonly TourInfo[], tours: Tours, width: number): Line[] {
  return areas.flatMap((area): Line[] => {
    const capitals = shortestOf(area, executions, tours)?.result?.lastResult?.capitals;
    if (capitals === undefined) return [];
    return [{ text: "" }, { text: area.name, style: "bold" }, ...indented([...capitals, capitals[0]].join(" → "), width)];
  });
}

/** The shortest tour of each area, beside the bound that no tour can be shorter than. */
export function finalTable(areas: readonly Area[], executions: readonly TourInfo[], tours: Tours, width: number): Line[] {
  const shown = columns.filter(({ from = 0 }) => width >= from);
  const toText = (cells: readonly string[]) => cells.join(" ").trimEnd();
  const rows = areas.map((area): Line => {
    const best = shortestOf(area, executions, tours);
    const ofArea = executions.filter(({ group }) => group === area.name);
    return {
      text: toText(shown.map(({ cell, size, pad }) => pad(cell({ area, ofArea, best, tour: best && tours.get(best.id) }), size))),
      ...(best === undefined && { style: "dim" }),
    };
  });
  const without = [...(areas[0]?.unreachable.keys() ?? [])];
  const endings = "✓ or goal: as near to the bound as the settings ask for. ≈ or limit: the best when the iterations were used up.";
  const inNoTour = `${without.length} countries and territories are in no tour, for want of a capital or of its position: ${without.join(", ")}.`;
  return [
    { text: "" },
    { text: toText(shown.map(({ title, size, pad }) => pad(title, size))), style: ["bold", "underline"] },
    ...rows,
    { text: "" },
    ...indented(endings, width),
    ...indented(inNoTour, width),
  ];
}

interface TableRow {
  readonly area: Area;
  readonly ofArea: readonly TourInfo[];
  readonly best: TourInfo | undefined;
  readonly tour: TourProgress | undefined;
}

interface Column {
  readonly title: string;
  readonly size: number;
  readonly pad: (text: string, size: number) => string;
  readonly cell: (row: TableRow) => string;
  /** The width of terminal that it needs. */
  readonly from?: number;
}

const left = (text: string, size: number) => text.padEnd(size);
const right = (text: string, size: number) => text.padStart(size);

const columns: readonly Column[] = [
  { title: "Area", size: 29, pad: left, cell: ({ area }) => "  ".repeat(area.level) + area.name },
  { title: "Capitals", size: 8, pad: right, cell: ({ area }) => String(area.capitals.length) },
  { title: "Best from", size: 18, pad: left, cell: ({ tour }) => tour?.start ?? "", from: 97 },
  { title: "Length", size: 10, pad: right, cell: ({ tour, ofArea }) => (tour === undefined ? whyNone(ofArea) : kilometres(tour.lengthKm)) },
  { title: "No less than", size: 12, pad: right, cell: ({ tour }) => (tour === undefined ? "" : kilometres(tour.boundKm)), from: 109 },
  { title: "Gap", size: 7, pad: right, cell: ({ tour }) => (tour === undefined ? "" : gapText(tour.gap)) },
  { title: "Rounds", size: 6, pad: right, cell: ({ tour }) => (tour === undefined ? "" : String(tour.round)) },
  {
    title: "Time",
    size: 6,
    pad: right,
    cell: ({ best }) => (best?.result === undefined ? "" : duration(best.result.usage.wallMs)),
    from: 77,
  },
  { title: "Ended by", size: 9, pad: right, cell: ({ best }) => (best === undefined ? "" : endText(best)), from: 117 },
  {
    title: "Done",
    size: 4,
    pad: right,
    cell: ({ ofArea }) => `${ofArea.filter(({ status }) => status === "completed").length}/${ofArea.length}`,
  },
];

/** Of those cancelled on the way, too. */
function shortestOf(area: Area, executions: readonly TourInfo[], tours: Tours): TourInfo | undefined {
  // To the metre: what differs by less is the same tour, summed up from another start.
  const metres = ({ id }: TourInfo) => Math.round(tours.get(id)!.lengthKm * 1_000);
  const withTour = executions.filter(({ id, group }) => group === area.name && tours.has(id));
  return withTour.toSorted((a, b) => metres(a) - metres(b))[0];
}

/** Why an area has no tour. */
function whyNone(ofArea: readonly TourInfo[]): string {
  if (ofArea.every(({ completedAt }) => completedAt !== undefined)) return "no tour";
  return ofArea.some(({ startedAt }) => startedAt !== undefined) ? "begun" : "not tried";
}

/** Why the run of the shortest tour ended, if it has. */
function endText({ status, result, completedAt }: TourInfo): string {
  if (completedAt === undefined) return "goes on";
  if (result === undefined) return status;
  return result.goalAchieved ? "goal" : result.forced ? "limit" : result.finalState;
}

function wrapped(text: string, width: number, style: Line["style"]): Line[] {
  return (text.match(new RegExp(`.{1,${width - 1}}(?: |$)`, "g")) ?? []).map((part) => ({ text: part.trimEnd(), style }));
}

function indented(text: string, width: number): Line[] {
  return wrapped(text, width - 2, "dim").map((line) => ({ ...line, text: `  ${line.text}` }));
}

function kilometres(length: number): string {
  return `${Math.round(length).toLocaleString("en")} km`.padStart(10);
}

/** "optimal" is proven: the tour is as short as the bound. */
function gapText(gap: number): string {
  return (gap < provenGap ? "optimal" : `${(gap * 100).toFixed(2)}%`).padStart(7);
}

function duration(durationMs: number): string {
  return durationMs < 1_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`;
}
