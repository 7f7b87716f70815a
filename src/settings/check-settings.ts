import type { z } from "zod";
import { SettingsError, type SettingsErrorOptions, type SettingsProblem } from "../model/settings-error.ts";
import { applyEnvironment, type Environment } from "./environment.ts";
import { nearestKey } from "./nearest-key.ts";
import { Secret } from "./secret.ts";
import { type Settings, settingsSchema } from "./settings-schema.ts";
import { descendants, nodeAt, type SettingNode, type Spelling, settingsTree, spell, spellPath } from "./settings-tree.ts";

export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface SettingsSource extends SettingsErrorOptions {
  /** How its keys are spelt. */
  spelling: Spelling;
  environment: Environment;
  /** Where the value, or the key itself, stands in the text; keys spelt as in the source. */
  locate?: (path: readonly (string | number)[], part: "key" | "value") => Position | undefined;
}

/** Checks `given` against the schema and fills in the environment and the defaults; the result is frozen. */
export function checkSettings(given: unknown, source: SettingsSource): Settings {
  const problems: SettingsProblem[] = [];
  const named = toNamed(given ?? {}, settingsTree, source, problems);
  const fromEnvironment = isBlock(named) ? applyEnvironment(named, source.environment) : new Map<string, string>();
  const parsed = settingsSchema.safeParse(named);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => toProblem(issue, named, source, fromEnvironment)));
  const [first, ...others] = problems.sort(byPosition);
  if (first !== undefined) throw new SettingsError([first, ...others], source);
  return freeze(parsed.data as Settings);
}

/** The same values under the names of the schema. Null counts as left out; unknown keys are noted and dropped. */
function toNamed(given: unknown, node: SettingNode, source: SettingsSource, problems: SettingsProblem[]): unknown {
  if (node.children === undefined || !isBlock(given)) return given;
  const namesByKey = new Map([...node.children.keys()].map((name) => [spell(name, source.spelling), name]));
  const named: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const name = namesByKey.get(key);
    const child = name === undefined ? undefined : node.children.get(name);
    if (child === undefined) problems.push(unknownKey(key, node, source));
    else if (value !== null && value !== undefined) named[child.name] = toNamed(value, child, source, problems);
  }
  return named;
}

function unknownKey(key: string, block: SettingNode, { spelling, locate }: SettingsSource): SettingsProblem {
  const blockPath = spellPath(block.path, spelling);
  const known = [...descendants(settingsTree)].map(({ path }) => spellPath(path, spelling));
  const nearest = nearestKey(key, blockPath, known);
  return {
    path: blockPath === "" ? key : `${blockPath}.${key}`,
    message: nearest === undefined ? "unknown key" : `unknown key; the nearest known key is ${nearest}`,
    ...locate?.([...block.path.map((name) => spell(name, spelling)), key], "key"),
    ...(nearest !== undefined && { nearestKey: nearest }),
  };
}

function toProblem(
  issue: z.core.$ZodIssue,
  named: unknown,
  source: SettingsSource,
  fromEnvironment: ReadonlyMap<string, string>,
): SettingsProblem {
  const path = issue.path as (string | number)[];
  const variable = fromEnvironment.get(path.join("."));
  const received = path.reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], named);
  const sourcePath = path.map((part) => (typeof part === "string" ? spell(part, source.spelling) : part));
  return {
    path: spellPath(path, source.spelling),
    message: `${variable === undefined ? "" : `from ${variable}: `}${describeProblem(path, received)}`,
    ...(variable === undefined && source.locate?.(sourcePath, "value")),
  };
}

function describeProblem(path: readonly (string | number)[], received: unknown): string {
  const { description, children } = nodeAt(path) ?? {};
  if (description === undefined) {
    const keys = [...(children?.keys() ?? [])].join(", ");
    // What stands where a block belongs is not shown: in `llm: …` it may be the key.
    return `expected a block of settings (${keys}), got ${describeType(received)}`;
  }
  const isListItem = typeof path.at(-1) === "number";
  const type = isListItem ? description.type.replace("list of", "one of") : description.type;
  const expected = description.check === "" ? type : `${type}, ${description.check}`;
  return `expected ${expected}, got ${description.secret ? describeType(received) : describeScalar(received)}`;
}

function describeScalar(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : describeType(value);
}

function describeType(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return "a block";
  return typeof value === "string" ? "text" : `a ${typeof value}`;
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Secret);
}

function byPosition(one: SettingsProblem, other: SettingsProblem): number {
  return (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0);
}

function freeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freeze(item);
  }
  return value;
}
