import { readFileSync } from "node:fs";
import { executionMachine, orchestratorMachine, supervisorMachine } from "../../machines/index.ts";
import { apiRoutes } from "../../src/http/http-api.ts";
import { problemKinds } from "../../src/http/problem-kinds.ts";
import { type ExecutionEventType, executionEventTypes } from "../../src/model/execution-event.ts";
import { runEventTypes } from "../../src/model/run-event.ts";
import { settingsTable } from "../../src/settings/settings-table.ts";
import { eventLevels } from "../../src/telemetry/log-events.ts";
import { attributeNames, telemetryMetrics, telemetrySpans } from "../../src/telemetry/telemetry-names.ts";
import { type CapabilityTable, queueCapabilityTable, storeCapabilityTable } from "./capability-tables.ts";
import { machineToMermaid } from "./machine-to-mermaid.ts";

/** The parts of the README that are made from the code, by the name in their markers. */
export function readmeBlocks(): Record<string, string> {
  return {
    errors: table(
      ["class", "code", "meaning"],
      documentedErrors().map(({ name, code, meaning }) => [`\`${name}\``, `\`${code}\``, meaning]),
    ),
    events: table(
      ["event", "meaning"],
      Object.entries(executionEventTypes).map(([type, meaning]) => [`\`${type}\``, meaning]),
    ),
    "execution-machine": mermaid(machineToMermaid(executionMachine)),
    "supervisor-machine": mermaid(machineToMermaid(supervisorMachine)),
    "orchestrator-machine": mermaid(machineToMermaid(orchestratorMachine)),
    "run-events": table(
      ["event", "meaning"],
      Object.entries(runEventTypes).map(([type, meaning]) => [`\`${type}\``, meaning]),
    ),
    "queue-capabilities": capabilities(queueCapabilityTable()),
    "store-capabilities": capabilities(storeCapabilityTable()),
    "http-operations": table(
      ["request", "what it does"],
      apiRoutes.map(({ method, path, summary }) => [`\`${method} ${path}\``, summary]),
    ),
    "http-problems": table(
      ["status", "code", "title"],
      Object.entries(problemKinds)
        .map(([code, { status, title }]) => [String(status), `\`${code}\``, title])
        .sort(([a = ""], [b = ""]) => a.localeCompare(b)),
    ),
    "telemetry-spans": table(
      ["span", "meaning"],
      Object.entries(telemetrySpans).map(([name, meaning]) => [`\`${name}\``, meaning]),
    ),
    "telemetry-metrics": table(
      ["metric", "type", "unit", "attributes", "meaning"],
      Object.entries(telemetryMetrics).map(([name, { type, unit, attributes, meaning }]) => [
        ...[`\`${name}\``, type, `\`${unit}\``],
        attributes.map((attribute) => `\`${attributeNames[attribute]}\``).join(", "),
        meaning,
      ]),
    ),
    "telemetry-events": table(
      ["channel", "log level", "meaning"],
      Object.entries(eventLevels).map(([type, level]) => [
        `\`actorfleet:${type}\``,
        level,
        executionEventTypes[type as ExecutionEventType],
      ]),
    ),
    settings: table(
      ["YAML key", "type", "default", "check"],
      settingsTable().map(({ key, type, default: value, check }) => [
        `\`${key}\``,
        type,
        value === undefined ? "none" : `\`${JSON.stringify(value)}\``,
        check,
      ]),
    ),
  };
}

/** The README with every generated part as the code says. Throws when a part has no place or a place has no part. */
export function fillReadme(readme: string, blocks: Readonly<Record<string, string>>): string {
  const places = [...readme.matchAll(/<!-- generated:([\w-]+) -->/g)].map(([, name]) => name);
  const unknown = places.filter((name) => name === undefined || !Object.hasOwn(blocks, name));
  if (unknown.length > 0) throw new Error(`README has places for parts that nothing generates: ${unknown.join(", ")}`);
  return Object.entries(blocks).reduce((text, [name, block]) => {
    const [start, end] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
    const [from, to] = [text.indexOf(start), text.indexOf(end)];
    if (from === -1 || to < from) throw new Error(`README has no place for ${name}: expected ${start} and after it ${end}`);
    return `${text.slice(0, from + start.length)}\n\n${block}\n\n${text.slice(to)}`;
  }, readme);
}

const errorFiles = ["errors", "settings-error", "already-running-error", "store-errors", "checkpoint-errors"];

/** The error classes as their source documents them; one line for each code. */
export function documentedErrors(): { name: string; code: string; meaning: string }[] {
  const source = errorFiles.map((file) => readFileSync(new URL(`../../src/model/${file}.ts`, import.meta.url), "utf8")).join("\n");
  const documentedClass = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export class (\w+)[^{]*\{\s*readonly code(?: = "(\w+)"|: (\w+));/g;
  return [...source.matchAll(documentedClass)].flatMap(([, docstring = "", name = "", code, type]) =>
    (code === undefined ? codesOf(type, source) : [code]).map((each) => ({ name, code: each, meaning: firstSentence(docstring) })),
  );
}

/** The codes of a union type. */
function codesOf(type: string | undefined, source: string): string[] {
  const union = new RegExp(`export type ${type} = ([^;]*);`).exec(source)?.[1] ?? "";
  return [...union.matchAll(/"(\w+)"/g)].map(([, code = ""]) => code);
}

function firstSentence(docstring: string): string {
  const text = docstring
    .replace(/^\s*\*/gm, "")
    .replace(/\s+/g, " ")
    .trim();
  return text.split(/(?<=\.) /, 1)[0] ?? text;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function capabilities({ head, rows }: CapabilityTable): string {
  return table(head, rows);
}

function mermaid(diagram: string): string {
  return `\`\`\`mermaid\n${diagram}\n\`\`\``;
}
