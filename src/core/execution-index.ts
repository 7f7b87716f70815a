import { InvalidOptionsError } from "../model/errors.ts";
import type { ExecutionCounts, ExecutionQuery, ExecutionStatus } from "../model/execution.ts";
import { executionStatuses } from "../model/execution.ts";
import * as check from "../model/option-check.ts";
import type { ExecutionRecord } from "./execution-record.ts";
import { createSortedMap, type SortedMap } from "./sorted-map.ts";
import { TransientMap } from "./transient-map.ts";

export const defaultPageSize = 100;

/** A query of a list, as users give it. */
export const queryCheck = check.fields({
  status: check.oneOf(...executionStatuses),
  group: check.text,
  tag: check.text,
  order: check.oneOf("oldest", "newest"),
  limit: (value, field) => {
    check.wholeNumber(1)(value, field);
    if ((value as number) > 1_000) throw new InvalidOptionsError({ field, expected: "a whole number from 1 to 1000", received: value });
  },
  cursor: (value, field) => {
    if (typeof value !== "string" || !/^[0-9a-z]{1,11}$/.test(value)) {
      throw new InvalidOptionsError({ field, expected: "the nextCursor of a page", received: value });
    }
  },
});

type SortedRecords = SortedMap<ExecutionRecord>;

/**
 * All records: by id, by idempotency key, and in the order of start, as a whole and for each status, group and tag. A page costs
 * O(log n + its size) when one of these decides it.
 */
export class ExecutionIndex {
  readonly #byId = new TransientMap<string, ExecutionRecord>();
  readonly #byKey = new TransientMap<string, ExecutionRecord>();
  readonly #all: SortedRecords = createSortedMap();
  readonly #byStatus: Record<ExecutionStatus, SortedRecords> = {
    queued: createSortedMap(),
    running: createSortedMap(),
    completed: createSortedMap(),
    failed: createSortedMap(),
    cancelled: createSortedMap(),
  };
  readonly #byGroup = new Map<string, SortedRecords>();
  readonly #byTag = new Map<string, SortedRecords>();

  counts(): ExecutionCounts {
    const { queued, running, completed, failed, cancelled } = this.#byStatus;
    return {
      queued: queued.size,
      running: running.size,
      completed: completed.size,
      failed: failed.size,
      cancelled: cancelled.size,
      total: this.#all.size,
    };
  }

  count(status: ExecutionStatus): number {
    return this.#byStatus[status].size;
  }

  get(id: string): ExecutionRecord | undefined {
    return this.#byId.get(id);
  }

  withKey(idempotencyKey: string): ExecutionRecord | undefined {
    return this.#byKey.get(idempotencyKey);
  }

  add(record: ExecutionRecord): void {
    const { id, idempotencyKey, group, tags } = record.request;
    this.#byId.set(id, record);
    if (idempotencyKey !== undefined) this.#byKey.set(idempotencyKey, record);
    this.#all.set(record.sequence, record);
    this.#byStatus[record.status].set(record.sequence, record);
    if (group !== undefined) addTo(this.#byGroup, group, record);
    for (const tag of tags) addTo(this.#byTag, tag, record);
  }

  move(record: ExecutionRecord, to: ExecutionStatus): void {
    this.#byStatus[record.status].delete(record.sequence);
    record.status = to;
    this.#byStatus[to].set(record.sequence, record);
  }

  delete(record: ExecutionRecord): void {
    const { id, idempotencyKey, group, tags } = record.request;
    this.#byId.delete(id);
    if (idempotencyKey !== undefined) this.#byKey.delete(idempotencyKey);
    this.#all.delete(record.sequence);
    this.#byStatus[record.status].delete(record.sequence);
    if (group !== undefined) deleteFrom(this.#byGroup, group, record);
    for (const tag of tags) deleteFrom(this.#byTag, tag, record);
  }

  /** All records in the order of start. */
  values(): Iterable<ExecutionRecord> {
    return this.#all.values();
  }

  /** Throws `InvalidOptionsError` for a query that is none. */
  page(query: ExecutionQuery): { records: ExecutionRecord[]; nextCursor: string | undefined } {
    queryCheck(query, "query");
    const { status, group, tag, order, limit = defaultPageSize, cursor } = query;
    const candidates = [
      status === undefined ? this.#all : this.#byStatus[status],
      ...(group === undefined ? [] : [this.#byGroup.get(group)]),
      ...(tag === undefined ? [] : [this.#byTag.get(tag)]),
    ];
    const smallest = candidates.reduce((a, b) => ((a?.size ?? 0) <= (b?.size ?? 0) ? a : b));
    const records: ExecutionRecord[] = [];
    const after = cursor === undefined ? undefined : Number.parseInt(cursor, 36);
    for (const record of smallest === undefined
      ? []
      : order === "newest"
        ? startedBefore(smallest, after)
        : startedAfter(smallest, after)) {
      const matches =
        (status === undefined || record.status === status) &&
        (group === undefined || record.request.group === group) &&
        (tag === undefined || record.request.tags.includes(tag));
      if (!matches) continue;
      if (records.length === limit) return { records, nextCursor: (records[limit - 1] as ExecutionRecord).sequence.toString(36) };
      records.push(record);
    }
    return { records, nextCursor: undefined };
  }
}

function startedAfter(records: SortedRecords, sequence: number | undefined): Iterable<ExecutionRecord> {
  return records.values(sequence === undefined ? undefined : sequence + 1);
}

/** Newest first. */
function* startedBefore(records: SortedRecords, sequence: number | undefined): Iterable<ExecutionRecord> {
  for (const [, record] of records.entriesReversed(sequence, undefined, true)) yield record;
}

function addTo(trees: Map<string, SortedRecords>, key: string, record: ExecutionRecord): void {
  const tree = trees.get(key) ?? createSortedMap<ExecutionRecord>();
  tree.set(record.sequence, record);
  trees.set(key, tree);
}

function deleteFrom(trees: Map<string, SortedRecords>, key: string, record: ExecutionRecord): void {
  const tree = trees.get(key);
  tree?.delete(record.sequence);
  if (tree?.size === 0) trees.delete(key);
}
