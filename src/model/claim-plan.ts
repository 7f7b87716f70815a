/** Claimable records that are equal in all but their age. Claims go through buckets in ascending order of these four. */
export interface ReadyBucket {
  /** 0 for what was parked and is awake again, 1 for queued work. */
  readonly lane: number;
  /** The priority negated, so that ascending order is right throughout. */
  readonly rank: number;
  readonly machineKey: string;
  /** Empty for executions without a group. */
  readonly group: string;
}

/** What planning needs to see of a store; the order of texts is the store's own. */
export interface ReadySource<Row> {
  /** The first non-empty bucket after this one, which itself need not exist, as far as one has the same lane and rank. */
  bucketAfter(bucket: ReadyBucket): ReadyBucket | undefined;
  /** The first non-empty bucket whose lane and rank come after these. */
  levelAfter(lane: number, rank: number): ReadyBucket | undefined;
  /** The oldest of a bucket, without the first `skip`. */
  oldest(bucket: ReadyBucket, skip: number, count: number): readonly Row[];
  /** How many of the group hold a slot now. */
  holders(group: string): number;
}

/** What a claim asks for. */
export interface ClaimWish {
  readonly limit: number;
  readonly groupLimit?: number | ((group: string) => number);
  readonly runs: (machineKey: string) => boolean;
  /** Where the previous claim ended: groups take turns from there. */
  readonly turn: Turn | undefined;
}

/** The bucket that was served last. */
export type Turn = Pick<ReadyBucket, "machineKey" | "group">;

/** How many buckets of a level one claim looks at: bounds its cost; the next claim goes on from there. */
const maxBuckets = 256;

/** Picks what a claim takes: highest priority first, among equals groups in turn, within a group the oldest, nobody above a group's limit. */
export function planClaim<Row>(source: ReadySource<Row>, wish: ClaimWish): { rows: Row[]; turn: Turn | undefined } {
  const rows: Row[] = [];
  const rooms = createRooms(source, wish.groupLimit);
  let turn = wish.turn;
  let level: Pick<ReadyBucket, "lane" | "rank"> = { lane: -1, rank: 0 };
  while (rows.length < wish.limit) {
    const first = source.levelAfter(level.lane, level.rank);
    if (first === undefined) break;
    const buckets = bucketsInTurn(source, first, wish.turn).filter((bucket) => wish.runs(bucket.machineKey));
    turn = serve(source, buckets, rooms, rows, wish.limit) ?? turn;
    level = first;
  }
  return { rows, turn };
}

function bucketsInTurn<Row>(source: ReadySource<Row>, first: ReadyBucket, turn: Turn | undefined): ReadyBucket[] {
  const { lane, rank } = first;
  const found: ReadyBucket[] = [];
  // Asked for once, as the first is mostly the one that was served last, too.
  const second = source.bucketAfter(first);
  const after = (bucket: ReadyBucket) => (isSame(bucket, first) ? second : source.bucketAfter(bucket));
  const walk = (start: ReadyBucket | undefined) => {
    for (
      let next = start;
      next !== undefined && next.lane === lane && next.rank === rank && found.length < maxBuckets;
      next = after(next)
    ) {
      if (found.length > 0 && isSame(next, found[0] as ReadyBucket)) return;
      found.push(next);
    }
  };
  if (turn !== undefined) walk(after({ lane, rank, ...turn }));
  walk(first);
  return found;
}

interface Serving extends ReadyBucket {
  taken: number;
}

/** Gives each bucket an equal share, then shares out what some did not need, until nobody has more; returns who came last. */
function serve<Row>(source: ReadySource<Row>, buckets: ReadyBucket[], rooms: Rooms, rows: Row[], limit: number): Turn | undefined {
  let active: Serving[] = buckets.map((bucket) => ({ ...bucket, taken: 0 }));
  let last: Turn | undefined;
  while (active.length > 0 && rows.length < limit) {
    const share = Math.max(1, Math.floor((limit - rows.length) / active.length));
    const remaining: Serving[] = [];
    for (const bucket of active) {
      const wanted = Math.min(share, limit - rows.length, rooms.room(bucket.group));
      if (wanted <= 0) continue;
      const got = source.oldest(bucket, bucket.taken, wanted);
      for (const row of got) rows.push(row);
      if (got.length > 0) last = { machineKey: bucket.machineKey, group: bucket.group };
      bucket.taken += got.length;
      rooms.use(bucket.group, got.length);
      if (got.length === wanted) remaining.push(bucket);
    }
    active = remaining;
  }
  return last;
}

interface Rooms {
  room(group: string): number;
  use(group: string, count: number): void;
}

/** How many more of each group may hold a slot; counts each group once. */
export function createRooms(source: { holders(group: string): number }, groupLimit: ClaimWish["groupLimit"]): Rooms {
  if (groupLimit === undefined) return { room: () => Number.POSITIVE_INFINITY, use: () => {} };
  const rooms = new Map<string, number>();
  const room = (group: string): number => {
    if (group === "") return Number.POSITIVE_INFINITY;
    let left = rooms.get(group);
    if (left === undefined) {
      left = (typeof groupLimit === "number" ? groupLimit : groupLimit(group)) - source.holders(group);
      rooms.set(group, left);
    }
    return left;
  };
  return { room, use: (group, count) => void rooms.set(group, room(group) - count) };
}

function isSame(a: ReadyBucket, b: ReadyBucket): boolean {
  return a.machineKey === b.machineKey && a.group === b.group;
}
