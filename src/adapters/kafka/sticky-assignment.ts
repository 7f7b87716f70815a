/** What a member of a group tells whoever leads it. */
export function writeOwned(partitions: Iterable<number>): Buffer {
  return Buffer.from([...partitions].join(","));
}

export function readOwned(text: Uint8Array | string | null | undefined): number[] {
  const parts = Buffer.from(text ?? "")
    .toString()
    .split(",");
  return parts.filter((part) => /^\d{1,9}$/.test(part)).map(Number);
}

/** Gives every member an equal share, one more or less, and leaves with each what it owns as far as that goes: what moves is handed out anew. */
export function assignPartitions(owned: ReadonlyMap<string, readonly number[]>, partitionCount: number): Map<string, number[]> {
  const shares = new Map([...owned.keys()].sort().map((member) => [member, [] as number[]]));
  const free = new Set(Array.from({ length: partitionCount }, (_, index) => index));
  const fairShare = Math.floor(partitionCount / shares.size);
  let largerShares = partitionCount % shares.size;
  for (const [member, share] of shares) {
    for (const partition of owned.get(member) ?? []) {
      if (!free.has(partition)) continue;
      if (share.length === fairShare && largerShares > 0) largerShares -= 1;
      else if (share.length >= fairShare) break;
      free.delete(partition);
      share.push(partition);
    }
  }
  const smallest = () => [...shares.values()].reduce((least, share) => (share.length < least.length ? share : least));
  for (const partition of free) smallest().push(partition);
  return shares;
}
