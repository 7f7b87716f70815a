import type { ExecutionStatus } from "../../model/execution.ts";
import type { StoredExecution, StoredExecutionSummary } from "../../model/stored-execution.ts";
import type { CountsRequest, ListRequest, StoredCounts, StoredPage } from "../../ports/execution-store.ts";
import type { ReadRequest, StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import { runsMachine } from "../records/claim-records.ts";
import { toStored, toSummary } from "../records/record-row.ts";
import { type EventPage, eventPart, isKept, maxEventsOfPage } from "./document-events.ts";
import { executionOwner, readyGroup, spaceOf } from "./document-keys.ts";
import { pieceKeys } from "./document-pieces.ts";
import type { DocumentRecord } from "./document-record.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";

const statuses: readonly ExecutionStatus[] = ["queued", "running", "completed", "failed", "cancelled"];
/** How many records one page looks at to find those of a group or with a tag; the next page goes on from there. */
const maxExamined = 2_000;
const rowsPerLook = 100;

/** What changes nothing. */
export class DocumentReads {
  readonly #rows: DocumentRows;

  constructor(rows: DocumentRows) {
    this.#rows = rows;
  }

  async get(name: string, ids: readonly string[]): Promise<(StoredExecution | undefined)[]> {
    const unique = [...new Set(ids)];
    const loaded = await this.#rows.load(name, unique, "whole");
    const byId = new Map(unique.map((id, index) => [id, loaded[index]]));
    return ids.map((id) => {
      const found = byId.get(id);
      return found === undefined || found.record.pending !== undefined ? undefined : toStored(found.record);
    });
  }

  async list({ name, status, group, tag, limit, cursor, order = "oldest" }: ListRequest): Promise<StoredPage> {
    const matches = ({ record }: LoadedRecord) =>
      record.pending === undefined &&
      (status === undefined || record.status === status) &&
      (group === undefined || record.group === group) &&
      (tag === undefined || (JSON.parse(record.tags) as string[]).includes(tag));
    const index = status === undefined ? { index: "order", group: "all" } : { index: "status", group: status };
    const descending = order === "newest";
    const items: StoredExecutionSummary[] = [];
    let at = cursor;
    for (let examined = 0; ; ) {
      const most = Math.min(rowsPerLook, limit + 1 - items.length);
      const from = at === undefined ? {} : descending ? { before: at } : { after: at };
      const found = await this.#rows.table.find(spaceOf(name), {
        ...(index as { index: "order"; group: string }),
        ...from,
        limit: most,
        descending,
      });
      const loaded = await this.#rows.loadOwners(
        name,
        found.map(({ owner }) => owner),
        "summary",
      );
      for (const [turn, each] of loaded.entries()) {
        if (each === undefined || !matches(each)) {
          at = found[turn]?.at;
          continue;
        }
        if (items.length === limit) return { items, ...(at !== undefined && { nextCursor: at }) };
        items.push(toSummary(each.record));
        at = found[turn]?.at;
      }
      if (found.length < most) return { items };
      examined += found.length;
      if (examined >= maxExamined && at !== undefined) return { items, nextCursor: at };
    }
  }

  async counts({ name, runs }: CountsRequest): Promise<StoredCounts> {
    const { table } = this.#rows;
    const space = spaceOf(name);
    const [byStatus, leased, unclaimable] = await Promise.all([
      Promise.all(statuses.map((group) => table.count(space, { index: "status", group }))),
      table.count(space, { index: "work", group: "leased" }),
      runs === undefined ? 0 : this.#unclaimable(name, runsMachine(runs)),
    ]);
    const [queued = 0, running = 0, completed = 0, failed = 0, cancelled = 0] = byStatus;
    const total = queued + running + completed + failed + cancelled;
    return { queued, running, completed, failed, cancelled, total, unclaimable, parked: Math.max(0, running - leased) };
  }

  async #unclaimable(name: string, canRun: (key: string) => boolean): Promise<number> {
    const keys = (await this.#rows.machines.all(name)).filter((key) => !canRun(key));
    const counts = await Promise.all(keys.map((key) => this.#rows.table.count(spaceOf(name), { index: "work", group: readyGroup(key) })));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async readSignals({ name, id, afterSequence = 0, limit = 1_000 }: ReadRequest): Promise<readonly StoredSignal[]> {
    const record = await this.#find(name, id);
    if (record === undefined) return [];
    const unread = record.signals.filter(({ sequence }) => sequence > Math.max(afterSequence, record.consumedSignal));
    return unread.slice(0, limit).map(({ sequence, at, body }) => ({ sequence, at, body }));
  }

  async readEvents({ name, id, afterSequence = 0, limit = 1_000 }: ReadRequest): Promise<readonly StoredEvent[]> {
    const record = await this.#find(name, id);
    if (record === undefined) return [];
    const space = spaceOf(name);
    const owner = executionOwner(id);
    const first = Math.max(afterSequence, record.events.dropped) + 1;
    const before = eventPart(record, record.lastEvent + 1);
    // The page that has the first one may begin earlier.
    const pages = await this.#rows.table.parts(
      space,
      owner,
      eventPart(record, first - maxEventsOfPage + 1),
      before,
      limit + maxEventsOfPage,
    );
    const found = pages.flatMap(({ data }) => (JSON.parse(data) as EventPage).events);
    const wanted = found.filter(({ sequence }) => sequence >= first && isKept(record, { sequence })).slice(0, limit);
    const keys = wanted.flatMap(({ body }) => (typeof body === "string" ? [] : pieceKeys(owner, body)));
    const pieces = (await this.#rows.table.get(space, keys))[Symbol.iterator]();
    return wanted.map(({ sequence, at, body }) => {
      const text = typeof body === "string" ? body : Array.from({ length: body.pieces }, () => pieces.next().value?.data ?? "").join("");
      return { sequence, at, body: text };
    });
  }

  async #find(name: string, id: string): Promise<DocumentRecord | undefined> {
    const [loaded] = await this.#rows.load(name, [id], "facts");
    return loaded?.record.pending === undefined ? loaded?.record : undefined;
  }
}
