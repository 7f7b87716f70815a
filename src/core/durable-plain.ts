/**
 * Values of a machine's context that JSON would change, written as what JSON keeps: dates, errors, maps, sets, big integers, and numbers that
 * are not finite. Everything else stays as it is; what has no JSON is left for `JSON.stringify` to refuse or to leave out.
 */
const mark = "actorfleet$type";

/** @throws {TypeError} for a value that contains itself. */
export function toPlain(value: unknown, above: readonly object[] = []): unknown {
  if (typeof value === "bigint") return { [mark]: "bigint", value: String(value) };
  if (typeof value === "number" && !Number.isFinite(value)) return { [mark]: "number", value: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (above.includes(value)) throw new TypeError("it contains itself");
  const within = [...above, value];
  const plain = (item: unknown) => toPlain(item, within);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return { [mark]: "date", value: value.getTime() };
  if (value instanceof Map) return { [mark]: "map", value: [...value].map(plain) };
  if (value instanceof Set) return { [mark]: "set", value: [...value].map(plain) };
  if (value instanceof Error) {
    const { name, message, stack, cause } = value;
    return { [mark]: "error", name, message, stack, ...(cause !== undefined && { cause: plain(cause) }), fields: plain({ ...value }) };
  }
  if ("toJSON" in value && typeof value.toJSON === "function") return plain(value.toJSON());
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  return Object.hasOwn(copy, mark) ? { [mark]: "object", value: copy } : copy;
}

/** Reads what `toPlain` wrote. The result is a copy, which may be changed. */
export function fromPlain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value;
  const plain = value as Record<string, unknown>;
  switch (Object.hasOwn(plain, mark) ? plain[mark] : undefined) {
    case "bigint":
      return BigInt(plain.value as string);
    case "number":
      return Number(plain.value);
    case "date":
      return new Date(plain.value as number);
    case "map":
      return new Map(fromPlain(plain.value) as [unknown, unknown][]);
    case "set":
      return new Set(fromPlain(plain.value) as unknown[]);
    case "error":
      return toError(plain);
    case "object":
      return fromFields(plain.value as Record<string, unknown>);
    default:
      return fromFields(plain);
  }
}

function fromFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([key, item]) => [key, fromPlain(item)]));
}

function toError({ name, message, stack, cause, fields }: Record<string, unknown>): Error {
  const error = new Error(message as string, cause === undefined ? undefined : { cause: fromPlain(cause) });
  Object.assign(error, fromPlain(fields));
  Object.defineProperty(error, "name", { value: name, configurable: true, writable: true });
  Object.defineProperty(error, "stack", { value: stack, configurable: true, writable: true });
  return error;
}
