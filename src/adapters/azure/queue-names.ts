import { createHash } from "node:crypto";

/** Of the characters that a Service Bus queue's name may have. */
const longestServiceBusName = 260;
/** Of those of a storage queue, which leave room for `-aside`. */
const shortestStorageName = 3;
const longestStorageName = 63 - asideSuffix().length;
const hashLength = 32;

/**
 * The Service Bus queue on which the messages of a coordinator of this name go. Lower-case letters, digits and dashes stay as they are; what
 * else a name has, capitals included, is written as `_` and its code, so that no two names share a queue.
 */
export function toServiceBusQueueName(name: string, namePrefix = "actorfleet-"): string {
  const escaped = name.replace(/[^a-z0-9-]|-$/g, (character) => `_${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
  if (namePrefix.length + escaped.length <= longestServiceBusName) return `${namePrefix}${escaped}`;
  // No escaped name has two of them in a row.
  const rest = longestServiceBusName - namePrefix.length - 2 - hashLength;
  return `${namePrefix}${escaped.slice(0, rest).replace(/_+$/, "")}__${hashOf(name)}`;
}

/**
 * The storage queue on which the messages of a coordinator of this name go; those put aside are on the queue of this name with `-aside`.
 * A name of lower-case letters, digits and single dashes stays as it is; of any other, what fits is followed by a hash of the whole.
 */
export function toStorageQueueName(name: string, namePrefix = "actorfleet-"): string {
  const length = namePrefix.length + name.length;
  if (isPlain(name) && length >= shortestStorageName && length <= longestStorageName) return `${namePrefix}${name}`;
  const rest = longestStorageName - namePrefix.length - 1 - hashLength;
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, Math.max(0, rest))
    .replace(/^-+|-+$/g, "");
  return `${namePrefix}${slug === "" ? "" : `${slug}-`}${hashOf(name)}`;
}

export function asideSuffix(): string {
  return "-aside";
}

/** A name that looks like what is made of another one is not: it would share its queue. */
function isPlain(name: string): boolean {
  return /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && !/(^|-)(aside|[0-9a-f]{32})$/.test(name);
}

function hashOf(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, hashLength);
}
