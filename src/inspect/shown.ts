import { Secret } from "../settings/secret.ts";

const maxDepth = 6;
const maxEntries = 50;
const maxText = 1_000;
const secretName = /pass(word|phrase)?$|secret|token$|api[-_]?key|authori[sz]ation|cookie|credential|private[-_]?key/i;

/** A copy that may be looked at: plain, of bounded size, with `[secret]` in the place of what is named like a secret. */
export function toShown(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return value.length > maxText ? `${value.slice(0, maxText)}… (${value.length} characters)` : value;
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return `[function ${value.name}]`;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Secret) return value.toJSON();
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "[date]" : value.toISOString();
  if (value instanceof Error) return { name: value.name, message: toShown(value.message) };
  if (depth >= maxDepth) return Array.isArray(value) ? `[${value.length} items]` : "[object]";
  if (Array.isArray(value)) {
    const items = value.slice(0, maxEntries).map((item) => toShown(item, depth + 1));
    return value.length > maxEntries ? [...items, `… ${value.length - maxEntries} more`] : items;
  }
  const names = Object.keys(value);
  const shown: Record<string, unknown> = {};
  for (const name of names.slice(0, maxEntries)) shown[name] = secretName.test(name) ? "[secret]" : toShown(read(value, name), depth + 1);
  if (names.length > maxEntries) shown["…"] = `${names.length - maxEntries} more`;
  return shown;
}

function read(object: object, name: string): unknown {
  try {
    return (object as Record<string, unknown>)[name];
  } catch {
    return "[unreadable]";
  }
}
