import { createHash } from "node:crypto";
import { rowFields } from "./redis-row.ts";

/** A Lua script that the server keeps under its hash. */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

const placeOf = new Map<string, number>(rowFields.map((field, index) => [field, index + 1]));

/** A row is an array when it runs: `row.fence` of the text is the place of that field. */
function withPlaces(lua: string): string {
  return lua.replaceAll(/\brow\.(\w+)/g, (_, field: string) => {
    const place = placeOf.get(field);
    if (place === undefined) throw new TypeError(`a script speaks of row.${field}, which there is not`);
    return `row[${place}]`;
  });
}

/** One script of these parts. */
export function redisScript(...parts: readonly string[]): RedisScript {
  const lua = withPlaces(parts.join("\n"));
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** The text of an array with all fields of a row; what is not named is `false`. */
export function rowLiteral(values: Readonly<Record<string, string>>): string {
  for (const field of Object.keys(values)) if (!placeOf.has(field)) throw new TypeError(`a row has no ${field}`);
  return `{ ${rowFields.map((field) => values[field] ?? "false").join(", ")} }`;
}
