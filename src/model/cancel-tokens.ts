/** Stands before each token of a cancel whose execution was held then; the one that ended its execution itself stands alone. */
const mark = "\u001f";
/** Longer, the oldest are forgotten: their repetitions are refused as final. */
const maxLength = 1_000;

/** What a record keeps of its cancels, so that the repetition of each gets the same report. */
export type CancelTokens = string;

/** With another cancel, which leaves the end to whoever holds the execution. */
export function withCancelToken(tokens: CancelTokens | null, token: string): CancelTokens {
  const known = tokens ?? "";
  return repeatedCancel(known, token) === undefined ? `${mark}${token}${known}`.slice(0, maxLength) : known;
}

/** What the first cancel with this token was told; undefined when there was none. */
export function repeatedCancel(tokens: CancelTokens | null, token: string): "cancelled" | "running" | undefined {
  if (tokens === token) return "cancelled";
  return `${tokens ?? ""}${mark}`.includes(`${mark}${token}${mark}`) ? "running" : undefined;
}
