const fencedBlock = /```[^\n`]*\n([\s\S]*?)```/g;

// Every place a value may begin costs one scan of the text; the bound keeps a text of nothing but brackets cheap.
const maxBeginnings = 100;

/**
 * The JSON value in a model's answer: a fenced block first, then the first object, then the first array.
 * Trailing commas are tolerated. Undefined if there is none.
 */
export function extractJson(text: string): unknown {
  for (const [, inside] of text.matchAll(fencedBlock)) {
    const value = parseTolerantly(inside ?? "");
    if (value !== undefined) return value;
  }
  return firstBracketed(text, "{") ?? firstBracketed(text, "[");
}

function firstBracketed(text: string, opening: "{" | "["): unknown {
  let from = text.indexOf(opening);
  for (let tried = 0; from !== -1 && tried < maxBeginnings; tried += 1) {
    const end = endOfBracketed(text, from);
    const value = end === undefined ? undefined : parseTolerantly(text.slice(from, end));
    if (value !== undefined) return value;
    from = text.indexOf(opening, from + 1);
  }
  return undefined;
}

/** The index after the bracket that closes the one at `from`; brackets inside of strings do not count. */
function endOfBracketed(text: string, from: number): number | undefined {
  let depth = 0;
  for (let index = from; index < text.length; index += 1) {
    const character = text[index];
    if (character === '"') {
      index = endOfString(text, index);
    } else if (character === "{" || character === "[") {
      depth += 1;
    } else if (character === "}" || character === "]") {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return undefined;
}

/** The index of the quote that closes the one at `from`, or the last index of the text. */
function endOfString(text: string, from: number): number {
  for (let index = from + 1; index < text.length; index += 1) {
    if (text[index] === "\\") index += 1;
    else if (text[index] === '"') return index;
  }
  return text.length - 1;
}

function parseTolerantly(json: string): unknown {
  // A scalar is no answer: prose in a fence may well be a number or a quoted word.
  if (!/^\s*[[{]/.test(json)) return undefined;
  return parse(json) ?? parse(withoutTrailingCommas(json));
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function withoutTrailingCommas(json: string): string {
  const commaBeforeEnd = /,(?=\s*[}\]])/y;
  let kept = "";
  let keptUntil = 0;
  for (let index = 0; index < json.length; index += 1) {
    if (json[index] === '"') index = endOfString(json, index);
    commaBeforeEnd.lastIndex = index;
    if (json[index] === "," && commaBeforeEnd.test(json)) {
      kept += json.slice(keptUntil, index);
      keptUntil = index + 1;
    }
  }
  return kept + json.slice(keptUntil);
}
