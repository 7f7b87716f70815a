import { CoordinatorClosedError } from "../../model/errors.ts";
import { UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { CountsRequest, ExecutionStore, ListRequest, StoreCapabilities, StoredCounts, StoredPage } from "../../ports/execution-store.ts";
import type { ReadRequest } from "../../ports/store-message.ts";
import { createRealClock } from "../real-clock.ts";
import { changeRowSlots, claimRows, renewRows, runsMachine, sweepRows } from "./memory-claim.ts";
import { insertRows } from "./memory-insert.ts";
import { appendRowEvents, appendRowSignals, cancelRows } from "./memory-message.ts";
import { type MemoryRow, toStored, toSummary } from "./memory-row.ts";
import { checkpointRows, parkRows, settleRows } from "./memory-settle.ts";
import { MemorySpace } from "./memory-space.ts";
import { MemoryWatchers } from "./memory-watchers.ts";

/** Records that several memory stores of one process can share, as processes share a database. */
export interface MemoryData {
  readonly spaces: Map<string, MemorySpace>;
  readonly watchers: MemoryWatchers;
}

/** How a memory store works. */
export interface MemoryStoreOptions {
  /** The system's. */
  clock?: Clock;
  /** Fresh and its own. */
  data?: MemoryData;
}

/** Empty data for memory stores to share. */
export function createMemoryData(): MemoryData {
  return { spaces: new Map(), watchers: new MemoryWatchers() };
}

const capabilities: StoreCapabilities = {
  shared: false,
  durability: "none",
  notices: "pushed",
  transactions: "none",
  roundRobin: "store",
  groupLimits: true,
  rateLimits: true,
  maxPayloadBytes: Number.POSITIVE_INFINITY,
};

/** A store that keeps its records in the memory of the process: for tests, and for durable code that needs no durability yet. */
export function createMemoryStore({ clock = createRealClock(), data = createMemoryData() }: MemoryStoreOptions = {}): ExecutionStore {
  let closed = false;
  const { watchers } = data;

  /** One call: whole, at one instant, and answered later. */
  async function on<Result>(name: string, work: (space: MemorySpace, now: number) => Result): Promise<Result> {
    if (closed) throw new CoordinatorClosedError("the memory store is closed");
    let space = data.spaces.get(name);
    if (space === undefined) {
      space = new MemorySpace();
      data.spaces.set(name, space);
    }
    return work(space, clock.now());
  }
  const tellFinal = (name: string, ids: readonly string[]) => ids.length > 0 && watchers.tell(name, { type: "final", ids });
  const tellClaimable = (name: string, some: boolean) => some && watchers.tell(name, { type: "claimable" });

  return {
    capabilities,

    async insert(request) {
      if (request.transaction !== undefined) throw new UnsupportedOperationError("the memory store has no transactions to start executions in");
      return on(request.name, (space, now) => {
        const reports = insertRows(space, request, now);
        tellClaimable(request.name, reports.some((report) => report.inserted));
        return reports;
      });
    },
    get: (name, ids) => on(name, (space) => ids.map((id) => ifAny(space.rows.get(id), (row) => toStored(row, name)))),
    list: (request) => on(request.name, (space) => listRows(space, request)),
    counts: (request) => on(request.name, (space) => countRows(space, request)),
    claim: (request) => on(request.name, (space, now) => claimRows(space, request, now)),
    renew: (request) => on(request.name, (space, now) => renewRows(space, request, now)),
    changeSlots: (request) =>
      on(request.name, (space, now) => {
        const reports = changeRowSlots(space, request, now);
        tellClaimable(request.name, request.entries.some(({ change }, index) => change === "yield" && reports[index]?.changed === true));
        return reports;
      }),
    checkpoint: (request) => on(request.name, (space, now) => checkpointRows(space, request, now)),
    settle: ({ name, ...request }) =>
      on(name, (space, now) => {
        const reports = settleRows(space, { name, ...request }, now);
        tellFinal(name, request.settlements.filter((_, index) => isFinalReport(reports[index])).map(({ id }) => id));
        // A queued one is work, and a freed place in a group may make others claimable.
        tellClaimable(name, reports.some((report) => report.settled && report.status === "queued" && report.at <= now));
        return reports;
      }),
    park: (request) => on(request.name, (space, now) => parkRows(space, request, now)),
    requestCancel: (request) =>
      on(request.name, (space, now) => {
        const reports = cancelRows(space, request, now);
        const ids = (status: string) => request.cancels.filter((_, index) => isAccepted(reports[index], status)).map(({ id }) => id);
        tellFinal(request.name, ids("cancelled"));
        const running = ids("running");
        if (running.length > 0) watchers.tell(request.name, { type: "cancelRequested", ids: running });
        return reports;
      }),
    appendSignals: (request) =>
      on(request.name, (space, now) => {
        const reports = appendRowSignals(space, request, now);
        const ids = request.signals.filter((_, index) => reports[index]?.accepted).map(({ id }) => id);
        if (ids.length > 0) watchers.tell(request.name, { type: "signalled", ids });
        tellClaimable(request.name, ids.some((id) => space.rows.get(id)?.phase === "ready"));
        return reports;
      }),
    readSignals: (request) =>
      on(request.name, (space) => {
        const row = space.rows.get(request.id);
        const unread = row?.signals.filter(({ sequence }) => sequence > row.consumedSignal) ?? [];
        return after(unread, request).map(({ sequence, at, body }) => ({ sequence, at, body }));
      }),
    appendEvents: (request) => on(request.name, (space, now) => appendRowEvents(space, request, now)),
    readEvents: (request) =>
      on(request.name, (space) => after(space.rows.get(request.id)?.events ?? [], request).map(({ sequence, at, body }) => ({ sequence, at, body }))),
    watch: (request, listener) => on(request.name, () => watchers.watch(request, listener)),
    sweep: (request) =>
      on(request.name, (space, now) => {
        const report = sweepRows(space, request, now);
        tellFinal(request.name, [...report.lost, ...report.cancelled]);
        tellClaimable(request.name, report.takenOver.length + report.due > 0);
        return report;
      }),
    findOverdue: ({ name, waitingMs, limit }) =>
      on(name, (space, now) => {
        const overdue = [...space.ready()].filter((row) => row.readySince + waitingMs <= now);
        return overdue.sort((a, b) => a.readySince - b.readySince || a.position - b.position).slice(0, limit).map((row) => row.start.id);
      }),
    remove: ({ name, olderThanMs, limit = 1_000 }) =>
      on(name, (space, now) => {
        let removed = 0;
        for (let row = space.finished.minKey(); row !== undefined && removed < limit; row = space.finished.minKey()) {
          if (now - (row.completedAt as number) <= olderThanMs) break;
          space.remove(row);
          removed += 1;
        }
        return removed;
      }),
    async close() {
      closed = true;
    },
  };
}

function listRows(space: MemorySpace, { name, status, group, tag, limit, cursor }: ListRequest): StoredPage {
  const items: MemoryRow[] = [];
  const from = { sequence: cursor === undefined ? 0 : Number(cursor) + 1 } as MemoryRow;
  for (const row of space.order.keys(from)) {
    if (status !== undefined && row.status !== status) continue;
    if ((group !== undefined && row.start.group !== group) || (tag !== undefined && !row.start.tags.includes(tag))) continue;
    items.push(row);
    if (items.length > limit) break;
  }
  const more = items.length > limit;
  const page = items.slice(0, limit);
  return { items: page.map((row) => toSummary(row, name)), ...(more && { nextCursor: String(page.at(-1)?.sequence) }) };
}

function countRows(space: MemorySpace, { runs }: CountsRequest): StoredCounts {
  const counts = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, total: space.rows.size, unclaimable: 0, parked: space.parked };
  for (const row of space.rows.values()) counts[row.status] += 1;
  if (runs === undefined) return counts;
  const canRun = runsMachine(runs);
  for (const row of space.ready()) if (!canRun(row.machineKey)) counts.unclaimable += 1;
  return counts;
}

function after<Item extends { readonly sequence: number }>(items: readonly Item[], { afterSequence = 0, limit = 1_000 }: ReadRequest): Item[] {
  return items.filter(({ sequence }) => sequence > afterSequence).slice(0, limit);
}

function ifAny<Value, Result>(value: Value | undefined, then: (value: Value) => Result): Result | undefined {
  return value === undefined ? undefined : then(value);
}

function isFinalReport(report: { settled: boolean; status?: string } | undefined): boolean {
  return report?.settled === true && report.status !== "queued";
}

function isAccepted(report: { accepted: boolean; status?: string } | undefined, status: string): boolean {
  return report?.accepted === true && report.status === status;
}
