import { UnknownWordError } from "./conformance-case.ts";
import { difference, mismatch, show } from "./matcher.ts";
import { eventTypeName } from "./spelling.ts";
import { Words } from "./words.ts";

/** An event in the spelling of cases; every field that an event can have is there, absent ones as null. */
export interface SeenEvent extends Readonly<Record<string, unknown>> {
  readonly type: string;
}

/** What `eventsExact`, `eventsInclude`, `eventsAbsent` and `eventCounts` say against what was seen; their words count as read. */
export function eventDifferences(then: Words, seen: readonly SeenEvent[]): readonly string[] {
  const ignored = new Set((then.list("ignoreEvents") ?? []).map((type) => eventTypeName(type, "ignoreEvents")));
  const exact = then.list("eventsExact");
  if (ignored.size > 0 && exact === undefined) throw new UnknownWordError("ignoreEvents without eventsExact");
  const differences = [
    exact &&
      exactDifference(
        toPatterns(exact, "eventsExact"),
        seen.filter(({ type }) => !ignored.has(type)),
      ),
    includeDifference(toPatterns(then.list("eventsInclude") ?? [], "eventsInclude"), seen),
    ...toPatterns(then.list("eventsAbsent") ?? [], "eventsAbsent").map((pattern) => absentDifference(pattern, seen)),
    ...(then.block("eventCounts")?.entries() ?? []).map(([type, count]) =>
      countDifference(eventTypeName(type, "eventCounts"), count, seen),
    ),
  ];
  return differences.filter((text) => text !== undefined);
}

type Pattern = Readonly<Record<string, unknown>> & { readonly type: string };

/** An event is written as its type, or as an object whose fields must match. */
function toPatterns(events: readonly unknown[], where: string): readonly Pattern[] {
  return events.map((event) => {
    if (typeof event === "string") return { type: eventTypeName(event, where) };
    const words = new Words(event, where);
    return { ...(event as object), type: eventTypeName(words.any("type"), where) };
  });
}

function matches(pattern: Pattern, event: SeenEvent): boolean {
  return difference(pattern, event) === undefined;
}

function exactDifference(patterns: readonly Pattern[], seen: readonly SeenEvent[]): string | undefined {
  const differs = patterns.length !== seen.length || patterns.some((pattern, index) => !matches(pattern, seen[index] as SeenEvent));
  return differs ? mismatch(patterns.map(brief), seen.map(brief), "eventsExact") : undefined;
}

function includeDifference(patterns: readonly Pattern[], seen: readonly SeenEvent[]): string | undefined {
  let position = 0;
  for (const pattern of patterns) {
    const found = seen.findIndex((event, index) => index >= position && matches(pattern, event));
    if (found === -1) return `eventsInclude: expected ${show(brief(pattern))} after position ${position}, seen ${show(seen.map(brief))}`;
    position = found + 1;
  }
  return undefined;
}

function absentDifference(pattern: Pattern, seen: readonly SeenEvent[]): string | undefined {
  const unknownField = Object.keys(pattern).find((field) => seen.length > 0 && seen.every((event) => !Object.hasOwn(event, field)));
  if (unknownField !== undefined) throw new UnknownWordError(`eventsAbsent.${unknownField}`);
  return seen.some((event) => matches(pattern, event))
    ? mismatch(`no ${show(brief(pattern))}`, seen.map(brief), "eventsAbsent")
    : undefined;
}

function countDifference(type: string, count: unknown, seen: readonly SeenEvent[]): string | undefined {
  return difference(count, seen.filter((event) => event.type === type).length, `eventCounts.${type}`);
}

/** Just the fields that tell events of one type apart at a glance. */
function brief(event: Pattern | SeenEvent): unknown {
  const told = ["reason", "attempt", "remaining", "point", "decision"].filter(
    (field) => event[field] !== undefined && event[field] !== null,
  );
  return told.length === 0 ? event.type : Object.fromEntries(["type", ...told].map((field) => [field, event[field]]));
}
