import type { SettingsInput } from "./settings-schema.ts";

/** Field by field, `over` where it says something, else `base`. */
export function mergeSettings(base: SettingsInput | undefined, over: SettingsInput | undefined): SettingsInput | undefined {
  if (base === undefined || over === undefined) return over ?? base;
  return merge(base, over) as SettingsInput;
}

function merge(base: unknown, over: unknown): unknown {
  if (over === undefined) return base;
  if (!isBlock(base) || !isBlock(over)) return over;
  const keys = new Set([...Object.keys(base), ...Object.keys(over)]);
  return Object.fromEntries(Array.from(keys, (key) => [key, merge(base[key], over[key])]));
}

function isBlock(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
