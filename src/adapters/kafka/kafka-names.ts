import { createHash } from "node:crypto";

/** Kafka's own limit. */
const longestTopic = 249;
const asideSuffix = "_aside";

/** The topic of a coordinator's messages; its consumer group has the same name. */
export interface KafkaNames {
  readonly topic: string;
  /** Where its messages are put aside. */
  readonly aside: string;
}

/**
 * Coordinators can be called anything, topics cannot: every other character becomes `_` and four hexadecimal digits, and what is too long its
 * hash. No two names share a topic: nothing else puts `_h` or `_aside` behind an underscore, as neither begins with four such digits.
 */
export function kafkaNames(prefix: string, name: string): KafkaNames {
  const room = longestTopic - prefix.length - 1 - asideSuffix.length;
  const encoded = name.replaceAll(/[^a-zA-Z0-9-]/g, (unit) => `_${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const topic = `${prefix}.${encoded.length <= room ? encoded : shortened(name, encoded, room)}`;
  return { topic, aside: `${topic}${asideSuffix}` };
}

function shortened(name: string, encoded: string, room: number): string {
  // Not as UTF-8, which knows no half of a surrogate pair.
  const hash = `_h${createHash("sha256").update(Buffer.from(name, "utf16le")).digest("hex")}`;
  return `${encoded.slice(0, room - hash.length)}${hash}`;
}
