import type { Command } from "commander";
import type { ExecutionInfo } from "../model/execution.ts";
import type { SerializedError } from "../model/serialized-error.ts";
import { CommandError } from "./command-error.ts";
import { type ConnectionOptions, jsonOption, withConnection, withFleet } from "./connection-options.ts";
import type { FleetConnection, ShownExecution } from "./fleet-connection.ts";
import { print, printJson, styled } from "./output.ts";
import { durationText, harmless, type Style, stateStyle, valueText } from "./shown-value.ts";

interface ShowOptions extends ConnectionOptions {
  readonly json?: boolean;
}

export function addShowCommand(program: Command, done: (exitCode: number) => void): void {
  withConnection(program.command("show").description("show all there is to know about one execution"))
    .argument("<id>")
    .addOption(jsonOption())
    .action(async (id: string, options: ShowOptions) => done(await withFleet(options, (fleet) => show(fleet, id, options))));
}

async function show(fleet: FleetConnection, id: string, { json }: ShowOptions): Promise<number> {
  const execution = await fleet.get(id);
  if (execution === undefined) throw unknownExecution(id);
  if (json) printJson(execution);
  else for (const line of shownLines(execution)) print(line);
  return 0;
}

export function unknownExecution(id: string): CommandError {
  return new CommandError("refused", "EXECUTION_NOT_FOUND", `There is no execution with the id ${harmless(id)}.`);
}

/** What is shown in a way of its own; whatever else there is follows, field by field. */
const special = new Set<string>([
  ...["id", "status", "state", "attempt", "maxAttempts", "takeovers", "priority", "group", "tags", "queuedAt", "startedAt", "completedAt"],
  ...[
    "durationMs",
    "progress",
    "result",
    "error",
    "reason",
    "abandoned",
    "input",
    "leaseExpiresAt",
    "dueAt",
    "cancelRequestedAt",
    "accepts",
  ],
]);

interface Field {
  readonly name: string;
  readonly text: string | undefined;
  readonly style?: Style | undefined;
}

function shownLines(execution: ShownExecution): string[] {
  const { id, state, tags, group, priority, reason, progress, error, abandoned, accepts } = execution;
  const fields: Field[] = [
    { name: "id", text: id, style: "bold" },
    { name: "state", text: state, style: stateStyle(state) },
    { name: "group", text: group },
    { name: "tags", text: tags.join(", ") || undefined },
    { name: "priority", text: priority === 0 ? undefined : String(priority) },
    { name: "attempt", text: attemptText(execution) },
    { name: "queued", text: instantText(execution.queuedAt) },
    { name: "started", text: instantText(execution.startedAt) },
    { name: "ended", text: instantText(execution.completedAt) },
    { name: "time", text: execution.startedAt === undefined ? undefined : durationText(execution.durationMs) },
    { name: "due", text: instantText(execution.dueAt) },
    { name: "lease until", text: instantText(execution.leaseExpiresAt) },
    { name: "cancel asked", text: instantText(execution.cancelRequestedAt) },
    { name: "reason", text: reason },
    { name: "abandoned", text: abandoned && "its orchestrator had not settled when the grace period was over", style: "red" },
    { name: "accepts", text: Array.isArray(accepts) ? accepts.join(", ") || undefined : undefined },
    ...Object.entries(execution).flatMap(([key, value]) => (special.has(key) ? [] : [{ name: wordsOf(key), text: valueText(value) }])),
  ];
  const lines = fields.flatMap(({ name, text, style }) =>
    text === undefined ? [] : [`${styled(name.padEnd(19), "dim")} ${styled(harmless(text), style)}`],
  );
  if (execution.input !== undefined) lines.push(...block("input", execution.input));
  if (progress !== undefined) lines.push(...block("progress", progress));
  if ("result" in execution) lines.push(...block("result", execution.result));
  return error === undefined ? lines : [...lines, ...errorLines(error)];
}

function attemptText({ attempt, maxAttempts, takeovers }: ExecutionInfo): string {
  const most = maxAttempts === 1 ? "" : ` of ${maxAttempts}`;
  return `${attempt}${most}${takeovers > 0 ? `, ${takeovers} of them ended with their process` : ""}`;
}

function instantText(at: unknown): string | undefined {
  return typeof at === "number" ? new Date(at).toISOString().replace("T", " ").replace("Z", " UTC") : undefined;
}

/** checkpointRevision → checkpoint revision */
function wordsOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** A value on its own lines, where it is more than a word. */
function block(name: string, value: unknown): string[] {
  const short = valueText(value);
  const text = typeof value === "string" || short.length <= 60 ? short : JSON.stringify(value, undefined, 2);
  const lines = harmless(text, "kept").split("\n");
  if (lines.length === 1) return [`${styled(name.padEnd(19), "dim")} ${lines[0]}`];
  return [styled(name, "dim"), ...lines.map((line) => `  ${line}`)];
}

/** The error and what caused it, each with its stack where it came along. */
function errorLines({ name, message, code, stack, cause }: SerializedError, label = "error"): string[] {
  const head = `${name}: ${message}${code === undefined ? "" : ` (${code})`}`;
  const frames = stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? [];
  return [
    `${styled(label.padEnd(19), "dim")} ${styled(harmless(head), "red")}`,
    ...frames.map((frame) => styled(`  ${harmless(frame.trim())}`, "dim")),
    ...(cause === undefined ? [] : errorLines(cause, "caused by")),
  ];
}
