import * as z from "zod";
import { type SettingDescription, toYamlKey } from "./setting-fields.ts";
import { settingsSchema } from "./settings-schema.ts";

/** A block of settings or a single one, as the schema has it. */
export interface SettingNode {
  readonly name: string;
  /** Names from the root, in camelCase. */
  readonly path: readonly string[];
  /** Present for a block. */
  readonly children?: ReadonlyMap<string, SettingNode>;
  /** Present for a single setting. */
  readonly description?: SettingDescription;
}

/** How keys are spelt: as in YAML files or as in code. */
export type Spelling = "yaml" | "code";

export function spell(name: string, spelling: Spelling): string {
  return spelling === "yaml" ? toYamlKey(name) : name;
}

export function spellPath(path: readonly PropertyKey[], spelling: Spelling): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = spell(String(part), spelling);
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** The blocks and settings of the schema, from the root. */
export const settingsTree: SettingNode = toNode("", [], settingsSchema);

/** Every block and setting below `node`, a block before its content. */
export function* descendants(node: SettingNode): Generator<SettingNode> {
  for (const child of node.children?.values() ?? []) {
    yield child;
    yield* descendants(child);
  }
}

/** The block or setting at `path`; list positions are skipped. */
export function nodeAt(path: readonly PropertyKey[]): SettingNode | undefined {
  let node: SettingNode | undefined = settingsTree;
  for (const part of path) {
    if (typeof part === "string") node = node?.children?.get(part);
  }
  return node;
}

function toNode(name: string, path: readonly string[], schema: z.core.$ZodType): SettingNode {
  const content = schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
  if (!(content instanceof z.ZodObject)) return { name, path, description: toDescription(path, schema) };
  const fields = Object.entries<z.core.$ZodType>(content.shape);
  return { name, path, children: new Map(fields.map(([key, field]) => [key, toNode(key, [...path, key], field)])) };
}

function toDescription(path: readonly string[], schema: z.core.$ZodType): SettingDescription {
  const description = z.globalRegistry.get(schema) as (SettingDescription & Record<string, unknown>) | undefined;
  if (description === undefined) throw new TypeError(`the setting ${path.join(".")} is not described`);
  return description;
}
