import { readFileSync } from "node:fs";

/** One case: what is given, what is done, and what must be seen afterwards. */
export interface ConformanceCase {
  readonly id: string;
  readonly area: string;
  readonly title: string;
  readonly rule: string;
  readonly scope: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly when: Readonly<Record<string, unknown>>;
  readonly then: Readonly<Record<string, unknown>>;
}

/** A word that the runner does not know; the case that uses it fails. */
export class UnknownWordError extends Error {
  constructor(where: string, known?: Iterable<string>) {
    super(`unknown word: ${where}${known === undefined ? "" : ` (known: ${[...known].join(", ")})`}`);
    this.name = "UnknownWordError";
  }
}

export function readCases(file: string | URL): readonly ConformanceCase[] {
  const cases: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(cases)) throw new TypeError("a file of cases is an array");
  return cases as readonly ConformanceCase[];
}
