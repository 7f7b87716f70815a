import { createHash } from "node:crypto";

/** Queue names of SQS have at most so many characters, each a letter, a digit, `-` or `_`. */
const longest = 80;
const fifoEnding = ".fifo";
const asideEnding = "-aside";

/** What messages of one coordinator's name are called on the other side. */
export interface SqsNames {
  /** The queue of a coordinator of this name. */
  queueOf(name: string): string;
  /** Where its messages are put aside. */
  asideOf(name: string): string;
}

/**
 * Different names have different queues, and no queue is also where another one's messages are put aside. Names of letters, digits, `-` and
 * `_` stay as they are, nearly always; other characters become `_` and their bytes in hexadecimal, and what would be too long ends in a hash.
 */
export function sqsNames(prefix: string, { fifo }: { fifo: boolean }): SqsNames {
  const ending = fifo ? fifoEnding : "";
  const nameOf = (name: string, kind: string) => {
    const most = longest - prefix.length - kind.length - ending.length;
    return `${prefix}${shortened(escaped(name), most)}${kind}${ending}`;
  };
  return { queueOf: (name) => nameOf(name, ""), asideOf: (name) => nameOf(name, asideEnding) };
}

/** `_` followed by two digits of hexadecimal is always an escape, and no name ends like a queue for what was put aside. */
function escaped(name: string): string {
  const bytesOf = (text: string) => [...Buffer.from(text)].map((byte) => `_${byte.toString(16).padStart(2, "0")}`).join("");
  return name.replace(/[^\w-]+|_(?=[0-9a-f]{2})/g, bytesOf).replace(/-(?=aside$)/, "_2d");
}

/** `_ff` is no escape: that byte is not in UTF-8. */
function shortened(text: string, most: number): string {
  if (text.length <= most) return text;
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 32);
  return `${text.slice(0, most - hash.length - 3)}_ff${hash}`;
}

/** Groups of SQS have at most 128 characters of a kind; a hash always fits, and says nothing of a tenant's name. */
export function sqsGroupId(group: string): string {
  return createHash("sha256").update(group).digest("hex").slice(0, 32);
}
