import { SerializationError } from "./errors.ts";

/**
 * A copy of the value as JSON would give it back. Fields that are `undefined` are left out; whatever else JSON would change or lose is
 * refused.
 *
 * @throws {SerializationError} naming the path of the value.
 */
export function toJson(value: unknown, field: string): unknown {
  return copy(value, field, []);
}

function copy(value: unknown, field: string, above: readonly object[]): unknown {
  if (value === null || value === undefined || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new SerializationError(field, `it is ${value}`);
    return value;
  }
  if (typeof value !== "object") throw new SerializationError(field, `it is a ${typeof value}`);
  if (above.includes(value)) throw new SerializationError(field, "it contains itself");
  const within = [...above, value];
  if (Array.isArray(value)) return value.map((item, index) => copy(item ?? null, `${field}[${index}]`, within));
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    throw new SerializationError(field, `it is a ${prototype.constructor?.name ?? "class instance"}`);
  }
  const fields = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(fields.map(([key, item]) => [key, copy(item, `${field}.${key}`, within)]));
}
