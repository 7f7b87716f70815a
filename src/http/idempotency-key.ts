import { Problem } from "./problem.ts";

/** What makes a start that is sent twice start once. The draft standard quotes it, many clients do not; both are taken. */
export function idempotencyKeyOf({ headers }: Request): string | undefined {
  const header = headers.get("idempotency-key");
  if (header === null) return undefined;
  const [, quoted] = /^"(.*)"$/.exec(header) ?? [];
  const key = quoted === undefined ? header : quoted.replaceAll(/\\(["\\])/g, "$1");
  if (key !== "" && key.length <= 512) return key;
  const detail = `expected 1 to 512 characters, got ${key.length}`;
  throw new Problem("FIELDS_INVALID", { detail: `Idempotency-Key: ${detail}`, errors: [{ header: "Idempotency-Key", detail }] });
}
