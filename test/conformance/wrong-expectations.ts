import type { ConformanceCase } from "./conformance-case.ts";

/** A case that must fail, and what was done to it. */
export interface WrongCase {
  readonly what: string;
  readonly conformanceCase: ConformanceCase;
}

type Path = readonly (string | number)[];

/** The case with each of its expectations made wrong, one at a time. */
export function withWrongExpectations(original: ConformanceCase): readonly WrongCase[] {
  return leaves(original.then).flatMap(({ path, value }) =>
    wrongValues(original, path, value).map((wrong) => ({
      what: `then.${path.join(".")} = ${JSON.stringify(wrong)}`,
      conformanceCase: changed(original, ["then", ...path], wrong),
    })),
  );
}

/** The case with an unknown word put into each of its blocks, one at a time. */
export function withUnknownWords(original: ConformanceCase): readonly WrongCase[] {
  const { given, when, then } = original;
  return blocks({ given, when, then }).map((path) => ({
    what: `an unknown word in ${path.length === 0 ? "the case" : path.join(".")}`,
    conformanceCase: changed(original, [...path, "unheardOf"], 1),
  }));
}

/** The case with another value at that path. */
export function changed(original: ConformanceCase, path: Path, value: unknown): ConformanceCase {
  return replaced(original, path, value) as ConformanceCase;
}

interface Leaf {
  readonly path: Path;
  readonly value: unknown;
}

/** Every value inside, lists as a whole and item by item. */
function leaves(value: unknown, path: Path = []): readonly Leaf[] {
  if (Array.isArray(value)) return [{ path, value }, ...value.flatMap((item, index) => leaves(item, [...path, index]))];
  if (typeof value === "object" && value !== null) return Object.entries(value).flatMap(([name, item]) => leaves(item, [...path, name]));
  return [{ path, value }];
}

const wordsWithOwnMeaning = [
  "notContains",
  "contains",
  "detailsContain",
  "eventsAbsent",
  "ignoreEvents",
  "eventsInclude",
  "atMost",
  "between",
];

function wrongValues({ then }: ConformanceCase, path: Path, value: unknown): readonly unknown[] {
  const at = path.findIndex((part) => typeof part === "string" && wordsWithOwnMeaning.includes(part));
  const beside = blockAt(then, path.slice(0, Math.max(at, 0)));
  switch (path[at]) {
    // Another text that is missing, too, would be no wrong expectation; one that is there is.
    case "notContains":
      return Array.isArray(value) ? [[...value, ...((beside.contains ?? []) as unknown[])]] : [];
    case "contains":
    case "detailsContain":
      return Array.isArray(value) ? [[...value, "a text that is not there"]] : ["a text that is not there"];
    case "eventsAbsent":
      return Array.isArray(value) ? [...happened(beside)].map((type) => [...value, type]) : [];
    // Fewer types to ignore leave events over that are not expected.
    case "ignoreEvents":
      return Array.isArray(value) ? [[]] : [];
    case "eventsInclude":
      if (!Array.isArray(value)) return [wrongScalar(value)];
      return [[...value, "FallbackFailed"], value.toReversed()].filter((list) => !isSame(list, value));
    case "atMost":
      return [Number.NEGATIVE_INFINITY, "many"];
    case "between":
      return Array.isArray(value) ? [value.map((bound) => bound + 1_000), value.slice(1), [...value, 9]] : [];
    default:
      if (!Array.isArray(value)) return [wrongScalar(value)];
      return [[...value, "one too many"], value.slice(0, -1), value.toReversed()].filter((list) => !isSame(list, value));
  }
}

function blockAt(block: Readonly<Record<string, unknown>>, path: Path): Readonly<Record<string, unknown>> {
  return path.reduce((inside, step) => inside[step] as Readonly<Record<string, unknown>>, block);
}

/** Types of events that the case itself says to have happened. */
function happened(then: Readonly<Record<string, unknown>>): ReadonlySet<string> {
  const listed = [...((then.eventsInclude ?? []) as unknown[]), ...((then.eventsExact ?? []) as unknown[])];
  const counted = Object.entries((then.eventCounts ?? {}) as Record<string, number>).filter(([, count]) => count > 0);
  const types = listed.map((event) => (typeof event === "string" ? event : (event as { type: string }).type));
  return new Set([...types, ...counted.map(([type]) => type)]);
}

function wrongScalar(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  return typeof value === "string" ? `${value} or not` : "something";
}

/** Paths of all blocks whose words are names of the runner; the content of documents, environments and JSON values is not. */
function blocks(value: unknown, path: Path = []): readonly Path[] {
  if (path.some((part) => part === "env" || part === "yamlEach" || part === "values" || part === "eventCounts" || part === "body"))
    return [];
  if (Array.isArray(value)) return value.flatMap((item, index) => blocks(item, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  const inside = Object.entries(value).flatMap(([name, item]) => blocks(item, [...path, name]));
  return [path, ...inside];
}

function replaced(value: unknown, path: Path, replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? replaced(item, rest, replacement) : item));
  const block = value as Readonly<Record<string, unknown>>;
  return { ...block, [step]: replaced(block[step], rest, replacement) };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
