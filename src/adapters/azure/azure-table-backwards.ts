import { numberOf, orderedNumber } from "../documents/document-keys.ts";
import type { FoundPlace } from "../documents/document-table.ts";

/** Ascending, from after one place to before another. */
type Scan = (after: string | undefined, before: string | undefined, limit: number) => Promise<readonly FoundPlace[]>;

const firstSpan = 60_000_000;
const maxWindow = 1_000;

/**
 * The last entries first, from a service that reads in ascending order only: places begin with a number that grows with time, so it looks
 * at a stretch before the end, and at an earlier and longer one while that is not enough; where there is too much, at a shorter one.
 */
export async function findBackwards(
  scan: Scan,
  range: { readonly after?: string; readonly before?: string; readonly limit: number },
  newest: number,
): Promise<FoundPlace[]> {
  const found: FoundPlace[] = [];
  let before = range.before;
  let top = before === undefined ? newest : numberOf(before) + 1;
  for (let span = firstSpan; found.length < range.limit; ) {
    const bottom = Math.max(0, top - span);
    const start = orderedNumber(bottom);
    const isLast = bottom === 0 || (range.after !== undefined && range.after >= start);
    const after = isLast && range.after !== undefined ? range.after : start;
    const stretch = await scan(after, before, maxWindow + 1);
    if (stretch.length > maxWindow && span > 1) {
      span = Math.max(1, Math.floor(span / 8));
      continue;
    }
    const rest = stretch.length > maxWindow ? await scan(stretch.at(-1)?.at, before, Number.POSITIVE_INFINITY) : [];
    found.push(...[...stretch, ...rest].reverse());
    if (isLast) break;
    before = start;
    top = bottom;
    span *= stretch.length === 0 ? 16 : 2;
  }
  return found.slice(0, range.limit);
}
