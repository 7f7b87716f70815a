import * as z from "zod";
import { Secret } from "./secret.ts";

/** What the table of settings says about one key. */
export interface SettingDescription {
  type: string;
  default: unknown;
  /** The values it may have, in words; empty where the type says it all. */
  check: string;
  secret?: true;
}

interface Bounds {
  min?: number;
  max?: number;
}

export function wholeNumber(defaultValue: number, bounds: Bounds = {}) {
  return bounded(z.int(), bounds)
    .default(defaultValue)
    .meta(describe("int", defaultValue, bounds));
}

export function decimal(defaultValue: number, bounds: Bounds = {}) {
  return bounded(z.number(), bounds)
    .default(defaultValue)
    .meta(describe("number", defaultValue, bounds));
}

export function optionalDecimal(bounds: Bounds = {}) {
  return bounded(z.number(), bounds)
    .optional()
    .meta(describe("number", undefined, bounds));
}

export function flag(defaultValue: boolean) {
  return z.boolean().default(defaultValue).meta(describe("bool", defaultValue));
}

export function filledText(defaultValue: string) {
  const text = z.string().refine((value) => value.trim() !== "", { error: "must not be blank" });
  return text.default(defaultValue).meta({ ...describe("text", defaultValue), check: "not blank" });
}

export function optionalText(check = "") {
  return z
    .string()
    .optional()
    .meta({ ...describe("text", undefined), check });
}

/** Text that is wrapped at once, so that no later step can show it by accident. */
export function optionalSecret() {
  const wrapped = z.union([z.string(), z.instanceof(Secret)]).transform((value) => {
    if (typeof value !== "string") return value;
    return Secret.isHiddenText(value) ? undefined : new Secret(value);
  });
  return wrapped.optional().meta({ ...describe("text", undefined), check: "never shown", secret: true });
}

/** One of `names`; letter case and underscores in the given text do not matter. */
export function oneOf<const Names extends readonly [string, ...string[]]>(names: Names, defaultValue: Names[number]) {
  return spelling(names)
    .default(defaultValue)
    .meta(describe(names.map(toYamlKey).join(" · "), toYamlKey(defaultValue)));
}

/** A list of `names`, each written in any letter case, with or without underscores. */
export function listOf<const Names extends readonly [string, ...string[]]>(names: Names) {
  return z
    .array(spelling(names))
    .default([])
    .meta(describe(`list of ${names.map(toYamlKey).join(", ")}`, []));
}

/** `maxOutputTokens` → `max_output_tokens`. */
export function toYamlKey(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function spelling<const Names extends readonly [string, ...string[]]>(names: Names) {
  const byPlainName = new Map<string, Names[number]>(names.map((name) => [name.toLowerCase(), name]));
  const toName = (text: unknown) => (typeof text === "string" ? (byPlainName.get(text.replaceAll("_", "").toLowerCase()) ?? text) : text);
  return z.preprocess(toName, z.enum(names));
}

function bounded(schema: z.ZodNumber, { min, max }: Bounds): z.ZodNumber {
  let result = schema;
  if (min !== undefined) result = result.min(min);
  if (max !== undefined) result = result.max(max);
  return result;
}

function describe(type: string, defaultValue: unknown, { min, max }: Bounds = {}): SettingDescription & Record<string, unknown> {
  const check = max !== undefined ? `${min} to ${max}` : min !== undefined ? `≥ ${min}` : "";
  return { type, default: defaultValue, check };
}
