import { type Command, InvalidArgumentError, Option } from "commander";
import { createSystemClock } from "../core/system-clock.ts";
import { type ExecutionInfo, type ExecutionStatus, executionStatuses } from "../model/execution.ts";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import { executionColumns } from "./execution-columns.ts";
import type { FleetConnection } from "./fleet-connection.ts";
import { print, printJson, printTable, styled, widthOf } from "./output.ts";
import { textTable } from "./text-table.ts";

interface LsOptions extends ConnectionOptions {
  readonly status?: ExecutionStatus;
  readonly group?: string;
  readonly tag?: string;
  readonly newest?: boolean;
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: boolean;
}

/** No page of a list is larger. */
const maxPage = 1_000;

export function addLsCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("ls").description("list executions in the order of their start, the oldest first"))
    .addOption(new Option("--status <status>", "only these").choices([...executionStatuses]))
    .option("--group <group>", "only of this group")
    .option("--tag <tag>", "only with this tag")
    .option("--newest", "the newest first")
    .addOption(new Option("--limit <count>", "at most so many").argParser(toCount).default(50))
    .option("--cursor <cursor>", "go on after an earlier list")
    .addOption(jsonOption())
    .action(async (options: LsOptions) => done(await withFleet(options, (fleet) => ls(fleet, options))));
}

async function ls(fleet: FleetConnection, options: LsOptions): Promise<number> {
  const { items, nextCursor } = await pages(fleet, options);
  if (options.json) {
    printJson({ items, ...(nextCursor !== undefined && { nextCursor }) });
    return 0;
  }
  if (items.length === 0) print("No executions.");
  else printTable(textTable(executionColumns(createSystemClock().now()), items, widthOf(process.stdout)));
  if (nextCursor !== undefined) print(styled(`There may be more: --cursor ${nextCursor}, or a higher --limit.`, "dim"));
  return 0;
}

async function pages(fleet: FleetConnection, { status, group, tag, newest, limit, cursor }: LsOptions) {
  const filter = {
    ...(status !== undefined && { status }),
    ...(group !== undefined && { group }),
    ...(tag !== undefined && { tag }),
    ...(newest === true && { order: "newest" as const }),
  };
  const items: ExecutionInfo[] = [];
  let nextCursor = cursor;
  do {
    const from = nextCursor === undefined ? {} : { cursor: nextCursor };
    const page = await fleet.list({ ...filter, ...from, limit: Math.min(maxPage, limit - items.length) });
    items.push(...page.items);
    nextCursor = page.nextCursor;
  } while (nextCursor !== undefined && items.length < limit);
  return { items, nextCursor };
}

export function toCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("expected a whole number from 1 on");
  return Number(text);
}
