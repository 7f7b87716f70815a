import type { Command } from "commander";
import { executionStatuses } from "../model/execution.ts";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import type { FleetConnection } from "./fleet-connection.ts";
import { print, printJson, styled } from "./output.ts";
import { stateStyle } from "./shown-value.ts";

interface StatsOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export function addStatsCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("stats").description("count executions"))
    .addOption(jsonOption())
    .action(async (options: StatsOptions) => done(await withFleet(options, (fleet) => stats(fleet, options))));
}

async function stats(fleet: FleetConnection, { json }: StatsOptions): Promise<number> {
  const found = await fleet.stats();
  if (json) {
    printJson(found);
    return 0;
  }
  const { records, process: server } = found;
  const size = String(records.total).length;
  for (const status of [...executionStatuses, "total"] as const) {
    const style = status === "queued" || status === "total" ? undefined : stateStyle(status === "running" ? "running.working" : status);
    print(`${styled(status.padEnd(9), style)}  ${String(records[status]).padStart(size)}`);
  }
  if (server?.maxConcurrent !== undefined) {
    print(
      `\nThe server's process is ${server.mode}: ${server.slotsTaken} of ${server.maxConcurrent} slots taken, ${server.waiting} waiting.`,
    );
  }
  return 0;
}
