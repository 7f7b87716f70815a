import { type Command, Option } from "commander";
import { createSystemClock } from "../core/system-clock.ts";
import { type ExecutionCounts, type ExecutionInfo, executionStatuses } from "../model/execution.ts";
import { CommandError } from "./command-error.ts";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import { executionColumns } from "./execution-columns.ts";
import type { FleetConnection } from "./fleet-connection.ts";
import { interruption } from "./interruption.ts";
import { createLiveTable, type Line, type LiveTable } from "./live-table.ts";
import { toCount } from "./ls-command.ts";
import { printJson } from "./output.ts";
import { stateStyle } from "./shown-value.ts";
import { textTable } from "./text-table.ts";

interface WatchOptions extends ConnectionOptions {
  readonly interval: number;
  readonly json?: boolean;
}

/** What there is to see at one moment. */
interface Look {
  readonly at: number;
  readonly counts: ExecutionCounts;
  /** What runs, then what is queued, as many as there is room for. */
  readonly live: readonly ExecutionInfo[];
}

/** Lines of the screen that are not for executions: head, counts, what is left out, and where the cursor is. */
const otherLines = 5;

export function addWatchCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("watch").description("show what runs and waits, until Ctrl-C; without a terminal, a line per change"))
    .addOption(new Option("--interval <ms>", "how often to look").argParser(toCount).default(1_000))
    .addOption(jsonOption())
    .action(async (options: WatchOptions) => done(await withFleet(options, (fleet) => watch(fleet, options))));
}

async function watch(fleet: FleetConnection, { interval, json = false }: WatchOptions): Promise<number> {
  const clock = createSystemClock();
  const table = createLiveTable(process.stdout);
  const isDrawn = table.live && !json;
  const teller = countsTeller(json, table);
  const end = interruption();
  let last: Look | undefined;
  while (!end.isAsked) {
    try {
      last = await look(fleet, clock.now(), isDrawn ? Math.max(1, (process.stdout.rows ?? 24) - otherLines) : 0);
      if (isDrawn) table.show(screenLines(last, table.width));
      else teller(last);
    } catch (error) {
      // It was there before, so it may come back.
      if (last === undefined || !isDrawn || !isOutage(error)) throw error;
      table.show([...screenLines(last, table.width), { text: `${(error as Error).message} Trying again.`, style: "red" }]);
    }
    let timer: unknown;
    const pause = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, interval);
    });
    await Promise.race([end.asked, pause]);
    clock.clearTimeout(timer);
  }
  table.stop();
  if (isDrawn && last !== undefined) table.print({ text: countsText(last.counts) });
  return 0;
}

async function look(fleet: FleetConnection, at: number, rows: number): Promise<Look> {
  const { records } = await fleet.stats();
  if (rows === 0) return { at, counts: records, live: [] };
  const running = await fleet.list({ status: "running", limit: Math.min(rows, 1_000) });
  const room = Math.min(rows - running.items.length, 1_000);
  const queued = room > 0 ? await fleet.list({ status: "queued", limit: room }) : { items: [] };
  return { at, counts: records, live: [...running.items, ...queued.items] };
}

function screenLines({ at, counts, live }: Look, width: number): Line[] {
  const more = counts.running + counts.queued - live.length;
  const table = textTable(executionColumns(at), live, width).map((cells) => cells.map(({ text }) => text).join("  "));
  return [
    { text: countsText(counts), style: "bold" },
    { text: "" },
    ...(live.length === 0 ? [{ text: "Nothing runs or waits.", style: "dim" } satisfies Line] : []),
    ...(live.length === 0 ? [] : table.map((text, index): Line => ({ text, style: index === 0 ? "bold" : styleOf(live[index - 1]) }))),
    ...(more > 0 && live.length > 0 ? [{ text: `and ${more} more`, style: "dim" } satisfies Line] : []),
  ];
}

function styleOf(info: ExecutionInfo | undefined): Line["style"] {
  return info && stateStyle(info.state);
}

function countsText(counts: ExecutionCounts): string {
  return executionStatuses.map((status) => `${counts[status]} ${status}`).join(", ");
}

/** Where nothing can be redrawn: tells the counts when they have changed. */
function countsTeller(json: boolean, table: LiveTable): (look: Look) => void {
  let told = "";
  return ({ at, counts }) => {
    const text = countsText(counts);
    if (text === told) return;
    told = text;
    if (json) printJson({ at, counts });
    else table.print({ text: `${new Date(at).toISOString().slice(11, 19)}  ${text}` });
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof CommandError || (error as { code?: unknown }).code === "STORE_UNAVAILABLE";
}
