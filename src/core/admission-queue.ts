import { type HeapItem, IndexedHeap } from "./indexed-heap.ts";

/** What the queue must know of an execution that wants a slot. */
export interface Candidate extends HeapItem {
  readonly priority: number;
  readonly group: string | undefined;
  /** How many of its group may hold a slot; the newest in the queue decides. */
  readonly groupLimit: number;
  /** Held a slot before and comes back from waiting: goes ahead of all that is queued. */
  returning: boolean;
  /** Place among its equals; set by the queue. */
  order: number;
}

interface Lane extends HeapItem {
  readonly group: string | undefined;
  limit: number;
  readonly waiting: IndexedHeap<Candidate>;
  running: number;
  /** The lane whose turn is lowest has waited longest since it was served. */
  turn: number;
}

/**
 * Who gets the next slot: the highest priority first; among equals the groups take turns; within a group first in, first out.
 *
 * One lane per group. A lane is in the heap of eligible lanes while it has somebody waiting and its group has room, so that a group at its
 * limit costs the choice nothing. Every call is O(log n).
 */
export class AdmissionQueue<Item extends Candidate> {
  readonly #lanes = new Map<string | undefined, Lane>();
  readonly #eligible = new IndexedHeap<Lane>(goesBefore);
  #orders = 0;
  #turns = 0;

  /** Joins the end of its equals. */
  push(item: Item): void {
    const lane = this.#laneOf(item);
    lane.limit = item.groupLimit;
    item.order = this.#orders++;
    if (lane.waiting.size === 0) lane.turn = this.#turns++;
    lane.waiting.push(item);
    this.#place(lane);
  }

  /** Does nothing when it does not wait. */
  remove(item: Item): void {
    if (item.heapIndex < 0) return;
    const lane = this.#laneOf(item);
    lane.waiting.remove(item);
    this.#place(lane);
  }

  /** Who is next; undefined when nobody waits or all groups that wait are at their limits. */
  peek(): Item | undefined {
    return this.#eligible.peek()?.waiting.peek() as Item | undefined;
  }

  /** Takes it out as the one that was served, and counts it as running. */
  serve(item: Item): void {
    const lane = this.#laneOf(item);
    lane.waiting.remove(item);
    lane.turn = this.#turns++;
    lane.running += 1;
    this.#place(lane);
  }

  /** Counts one more as running that came back by itself, whatever the limit says. */
  take(item: Item): void {
    const lane = this.#laneOf(item);
    lane.waiting.remove(item);
    lane.running += 1;
    this.#place(lane);
  }

  /** One of this group runs no more. */
  release(item: Item): void {
    const lane = this.#laneOf(item);
    lane.running -= 1;
    this.#place(lane);
  }

  /** How many more of this group could run now, for all its own limit says. */
  roomOf({ group, groupLimit }: Pick<Candidate, "group" | "groupLimit">): number {
    return Math.max(0, groupLimit - (this.#lanes.get(group)?.running ?? 0));
  }

  #laneOf({ group, groupLimit }: Candidate): Lane {
    const known = this.#lanes.get(group);
    if (known !== undefined) return known;
    const lane: Lane = { group, limit: groupLimit, waiting: new IndexedHeap(comesBefore), running: 0, turn: 0, heapIndex: -1 };
    this.#lanes.set(group, lane);
    return lane;
  }

  #place(lane: Lane): void {
    const eligible = lane.waiting.size > 0 && lane.running < lane.limit;
    if (!eligible) {
      this.#eligible.remove(lane);
      if (lane.waiting.size === 0 && lane.running === 0 && lane.group !== undefined) this.#lanes.delete(lane.group);
    } else if (lane.heapIndex < 0) this.#eligible.push(lane);
    else this.#eligible.update(lane);
  }
}

function comesBefore(a: Candidate, b: Candidate): boolean {
  if (a.returning !== b.returning) return a.returning;
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.order < b.order;
}

function goesBefore(a: Lane, b: Lane): boolean {
  const headOfA = a.waiting.peek() as Candidate;
  const headOfB = b.waiting.peek() as Candidate;
  if (headOfA.returning !== headOfB.returning) return headOfA.returning;
  if (headOfA.priority !== headOfB.priority) return headOfA.priority > headOfB.priority;
  return a.turn < b.turn;
}
