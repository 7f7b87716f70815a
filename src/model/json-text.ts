import { SerializationError } from "./errors.ts";

/** A value written as JSON. Stores keep it letter by letter and never look inside. */
export type JsonText = string;

/**
 * Writes a value as JSON; `undefined` stays undefined.
 *
 * @throws {SerializationError} when the value has no JSON: a function, a bigint, a cycle, a `toJSON` that throws.
 */
export function toJsonText<Value>(value: Value, field: string): Value extends undefined ? undefined : JsonText {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new SerializationError(field, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (text === undefined && value !== undefined) throw new SerializationError(field, `it is a ${typeof value}`);
  return text as never;
}

/** Reads what `toJsonText` wrote; undefined stays undefined. */
export function fromJsonText(text: JsonText | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}
