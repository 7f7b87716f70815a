import type { Command } from "commander";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import type { FleetConnection } from "./fleet-connection.ts";
import { print, printJson } from "./output.ts";
import { harmless } from "./shown-value.ts";

interface CancelOptions extends ConnectionOptions {
  readonly reason?: string;
  readonly json?: boolean;
}

/** What came of asking one execution to stop. */
interface Cancelled {
  readonly id: string;
  readonly accepted: boolean;
  /** Afterwards; `unknown` when there is none. */
  readonly status: string;
}

export function addCancelCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("cancel").description("ask executions to stop"))
    .argument("<id...>")
    .option("--reason <reason>", "to keep with them")
    .addOption(jsonOption())
    .action(async (ids: string[], options: CancelOptions) => done(await withFleet(options, (fleet) => cancel(fleet, ids, options))));
}

async function cancel(fleet: FleetConnection, ids: readonly string[], { reason, json }: CancelOptions): Promise<number> {
  const cancels: Cancelled[] = [];
  for (const id of ids) {
    const accepted = await fleet.cancel(id, reason);
    const { status = "unknown" } = (await fleet.get(id)) ?? {};
    cancels.push({ id, accepted, status });
    if (!json) print(`${harmless(id)}: ${outcomeText({ id, accepted, status })}`);
  }
  if (json) printJson(cancels);
  return cancels.every(({ accepted }) => accepted) ? 0 : 1;
}

function outcomeText({ accepted, status }: Cancelled): string {
  if (status === "unknown") return "there is no such execution";
  if (!accepted) return `it had ended already: ${status}`;
  return status === "cancelled" ? "cancelled" : "asked to stop; it is cancelled once it has";
}
