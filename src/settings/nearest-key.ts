/** How many letters have to be inserted, removed or replaced to turn `one` into `other` (V. Levenshtein, 1965). */
function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1);
      current[column] = Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}

/** A misspelt key is likelier than a right key in the wrong block, unless the block has nothing alike. */
const otherBlockPenalty = 2;
const maxComparedLength = 64;

/**
 * The known key that looks most like `key`: a bare name if it is in the same block (`blockPath`), otherwise its whole path.
 * Letter case and underscores do not count.
 */
export function nearestKey(key: string, blockPath: string, knownPaths: readonly string[]): string | undefined {
  const plainKey = toPlain(key);
  let nearest: { name: string; distance: number } | undefined;
  for (const path of knownPaths) {
    const dot = path.lastIndexOf(".");
    const name = path.slice(dot + 1);
    const sameBlock = path.slice(0, Math.max(dot, 0)) === blockPath;
    const distance = editDistance(plainKey, toPlain(name)) + (sameBlock ? 0 : otherBlockPenalty);
    if (nearest === undefined || distance < nearest.distance) nearest = { name: sameBlock ? name : path, distance };
  }
  return nearest?.name;
}

function toPlain(name: string): string {
  return name.replaceAll("_", "").toLowerCase().slice(0, maxComparedLength);
}
