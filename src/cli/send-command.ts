import type { Command } from "commander";
import { CommandError } from "./command-error.ts";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import type { FleetConnection } from "./fleet-connection.ts";
import { print, printJson } from "./output.ts";
import { unknownExecution } from "./show-command.ts";
import { harmless } from "./shown-value.ts";

interface SendOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export function addSendCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("send").description("send a signal to an execution"))
    .argument("<id>")
    .argument("<type>", "of the signal, for instance expense.approve")
    .argument("[fields]", `its other fields as JSON, for instance '{"by":"Grace"}'`)
    .addOption(jsonOption())
    .action(async (id: string, type: string, fields: string | undefined, options: SendOptions) => {
      const event = { ...toFields(fields), type };
      done(await withFleet(options, (fleet) => send(fleet, id, event, options)));
    });
}

async function send(fleet: FleetConnection, id: string, event: { type: string }, { json }: SendOptions): Promise<number> {
  const answer = await fleet.send(id, event);
  if (json) printJson(answer);
  if (answer.accepted) {
    if (!json) print(`${harmless(id)}: ${harmless(event.type)} is stored for it`);
    return 0;
  }
  if (json) return 1;
  if (answer.reason === "unknown") throw unknownExecution(id);
  const taken = answer.accepts.length === 0 ? "it takes none now" : `it takes ${answer.accepts.join(", ")}`;
  print(`${harmless(id)}: ${answer.reason === "final" ? "it has ended, and takes no signals" : `not accepted; ${harmless(taken)}`}`);
  return 1;
}

/** @throws {CommandError} */
function toFields(text: string | undefined): object {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CommandError("usage", "FIELDS_INVALID", `fields: expected JSON, got ${text} (${(error as Error).message})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CommandError("usage", "FIELDS_INVALID", `fields: expected a JSON object such as {"by":"Grace"}, got ${text}`);
  }
  if ("type" in value) throw new CommandError("usage", "FIELDS_INVALID", "fields: the type is the argument before them");
  return value;
}
