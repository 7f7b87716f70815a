/** Something that was seen and can be put in more than one way: what is expected has to match one of them. */
export class Forms {
  readonly forms: readonly unknown[];

  constructor(...forms: readonly unknown[]) {
    this.forms = forms;
  }
}

/** A text that was seen; what is expected is a list of texts that it contains, or that it does not contain. */
export class SeenText {
  readonly text: string;
  readonly contains: boolean;

  constructor(text: string, contains = true) {
    this.text = text;
    this.contains = contains;
  }
}

/**
 * What differs between what is expected and what was seen, in words; undefined if nothing does.
 *
 * Objects compare as subsets, yet a field that the seen object does not have is a difference, even where null is expected: what
 * shows something has to name all its fields. Lists match in length and order. null = absent.
 * `{ atMost }` and `{ between: [a, b] }` match numbers.
 */
export function difference(expected: unknown, seen: unknown, where = ""): string | undefined {
  if (seen instanceof Forms) {
    const differences = seen.forms.map((form) => difference(expected, form, where));
    return differences.includes(undefined) ? undefined : differences[0];
  }
  if (seen instanceof SeenText) return textDifference(expected, seen, where);
  if (isRange(expected)) return inRange(expected, seen) ? undefined : mismatch(expected, seen, where);
  if (Array.isArray(expected)) return listDifference(expected, seen, where);
  if (typeof expected === "object" && expected !== null) return objectDifference(expected, seen, where);
  return Object.is(expected, seen ?? null) ? undefined : mismatch(expected, seen, where);
}

function textDifference(expected: unknown, { text, contains }: SeenText, where: string): string | undefined {
  if (!Array.isArray(expected)) return mismatch(expected, text, where);
  const wrong = expected.filter((part) => typeof part !== "string" || text.includes(part) !== contains);
  return wrong.length === 0 ? undefined : mismatch(wrong, text, where);
}

function listDifference(expected: readonly unknown[], seen: unknown, where: string): string | undefined {
  if (!Array.isArray(seen) || seen.length !== expected.length) return mismatch(expected, seen, where);
  return firstOf(expected, (item, index) => difference(item, seen[index], `${where}[${index}]`));
}

function objectDifference(expected: object, seen: unknown, where: string): string | undefined {
  if (typeof seen !== "object" || seen === null || Array.isArray(seen)) return mismatch(expected, seen, where);
  return firstOf(Object.entries(expected), ([name, value]) => {
    const inside = where === "" ? name : `${where}.${name}`;
    if (!Object.hasOwn(seen, name)) return `${inside}: unknown field (there are: ${Object.keys(seen).join(", ")})`;
    return difference(value, (seen as Record<string, unknown>)[name], inside);
  });
}

type Range = { readonly atMost: number } | { readonly between: readonly [number, number] };

function isRange(value: unknown): value is Range {
  if (typeof value !== "object" || value === null || Array.isArray(value) || Object.keys(value).length !== 1) return false;
  if ("atMost" in value) return typeof value.atMost === "number";
  if (!("between" in value) || !Array.isArray(value.between)) return false;
  return value.between.length === 2 && value.between.every((bound) => typeof bound === "number");
}

function inRange(range: Range, seen: unknown): boolean {
  if (typeof seen !== "number") return false;
  return "atMost" in range ? seen <= range.atMost : range.between[0] <= seen && seen <= range.between[1];
}

function firstOf<Item>(items: readonly Item[], find: (item: Item, index: number) => string | undefined): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function mismatch(expected: unknown, seen: unknown, where: string): string {
  return `${where === "" ? "" : `${where}: `}expected ${show(expected)}, seen ${show(seen)}`;
}

export function show(value: unknown): string {
  const json = JSON.stringify(value instanceof Forms ? value.forms[0] : value instanceof SeenText ? value.text : value) ?? String(value);
  return json.length > 600 ? `${json.slice(0, 597)}...` : json;
}
