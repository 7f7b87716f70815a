import type { CountsRequest, ExecutionStore, StoredCounts } from "../../ports/execution-store.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type { StoreNotice } from "../../ports/store-message.ts";
import { changeRecordSlots, claimRecords, renewRecords, runsMachine, sweepRecords } from "./claim-records.ts";
import { insertRecords } from "./insert-records.ts";
import { appendRecordEvents, appendRecordSignals, cancelRecords } from "./message-records.ts";
import type { RecordSpace } from "./record-space.ts";
import { checkpointRecords, parkRecords, settleRecords } from "./settle-records.ts";

/** What one call does; it is given the instant at which it happens, and collects what watchers should hear once it has. */
export type RecordWork<Result> = (space: RecordSpace, now: number, tell: Tell) => Result;
type Tell = (notice: StoreNotice) => void;

/** Does one call whole or not at all. */
export interface RecordRunner {
  read<Result>(name: string, work: RecordWork<Result>): Promise<Result>;
  write<Result>(name: string, work: RecordWork<Result>): Promise<Result>;
}

export type RecordMethods = Omit<ExecutionStore, "capabilities" | "insert" | "watch" | "close">;

export function insertWork(request: InsertRequest): RecordWork<readonly InsertReport[]> {
  return (space, now, tell) => {
    const reports = insertRecords(space, request, now);
    if (reports.some((report) => report.inserted && !report.repeated)) tell({ type: "claimable" });
    return reports;
  };
}

/** The methods of a store whose records are read and changed synchronously. */
export function recordMethods({ read, write }: RecordRunner): RecordMethods {
  return {
    get: (name, ids) =>
      read(name, (space) =>
        ids.map((id) => {
          const row = space.find(id);
          return row && space.whole(row);
        }),
      ),
    list: (request) => read(request.name, (space) => space.list(request)),
    counts: (request) => read(request.name, (space) => countRecords(space, request)),
    claim: (request) => write(request.name, (space, now) => claimRecords(space, request, now)),
    renew: (request) => write(request.name, (space, now) => renewRecords(space, request, now)),
    changeSlots: (request) =>
      write(request.name, (space, now, tell) => {
        const reports = changeRecordSlots(space, request, now);
        if (request.entries.some(({ change }, index) => change === "yield" && reports[index]?.changed)) tell({ type: "claimable" });
        return reports;
      }),
    checkpoint: (request) => write(request.name, (space, now) => checkpointRecords(space, request, now)),
    settle: (request) =>
      write(request.name, (space, now, tell) => {
        const reports = settleRecords(space, request, now);
        tellFinal(
          tell,
          request.settlements.filter((_, index) => isFinalReport(reports[index])).map(({ id }) => id),
        );
        if (reports.some((report) => report.settled && report.status === "queued" && report.at <= now)) tell({ type: "claimable" });
        return reports;
      }),
    park: (request) => write(request.name, (space, now) => parkRecords(space, request, now)),
    requestCancel: (request) =>
      write(request.name, (space, now, tell) => {
        const reports = cancelRecords(space, request, now);
        const ids = (status: string) => request.cancels.filter((_, index) => isAccepted(reports[index], status)).map(({ id }) => id);
        tellFinal(tell, ids("cancelled"));
        const running = ids("running");
        if (running.length > 0) tell({ type: "cancelRequested", ids: running });
        return reports;
      }),
    appendSignals: (request) =>
      write(request.name, (space, now, tell) => {
        const reports = appendRecordSignals(space, request, now);
        const ids = request.signals.filter((_, index) => reports[index]?.accepted).map(({ id }) => id);
        if (ids.length > 0) tell({ type: "signalled", ids });
        if (ids.some((id) => space.find(id)?.phase === "ready")) tell({ type: "claimable" });
        return reports;
      }),
    readSignals: ({ name, id, afterSequence = 0, limit = 1_000 }) =>
      read(name, (space) => {
        const row = space.find(id);
        return row === undefined ? [] : space.signalsAfter(row, Math.max(afterSequence, row.consumedSignal), limit);
      }),
    appendEvents: (request) => write(request.name, (space, now) => appendRecordEvents(space, request, now)),
    readEvents: ({ name, id, afterSequence = 0, limit = 1_000 }) =>
      read(name, (space) => {
        const row = space.find(id);
        return row === undefined ? [] : space.eventsAfter(row, afterSequence, limit);
      }),
    sweep: (request) =>
      write(request.name, (space, now, tell) => {
        const report = sweepRecords(space, request, now);
        tellFinal(tell, [...report.lost, ...report.cancelled]);
        if (report.takenOver.length + report.due > 0) tell({ type: "claimable" });
        return report;
      }),
    findOverdue: ({ name, waitingMs, limit }) => read(name, (space, now) => space.readyBy(now - waitingMs, limit)),
    remove: ({ name, olderThanMs, limit = 1_000 }) =>
      write(name, (space, now) => {
        const rows = space.endedBefore(now - olderThanMs, limit);
        for (const row of rows) space.remove(row);
        return rows.length;
      }),
  };
}

function countRecords(space: RecordSpace, { runs }: CountsRequest): StoredCounts {
  const { queued, running, completed, failed, cancelled, parked } = space.counts();
  const total = queued + running + completed + failed + cancelled;
  let unclaimable = 0;
  if (runs !== undefined) {
    const canRun = runsMachine(runs);
    for (const { machineKey, count } of space.readyCounts()) if (!canRun(machineKey)) unclaimable += count;
  }
  return { queued, running, completed, failed, cancelled, total, unclaimable, parked };
}

function tellFinal(tell: Tell, ids: readonly string[]): void {
  if (ids.length > 0) tell({ type: "final", ids });
}

function isFinalReport(report: { settled: boolean; status?: string } | undefined): boolean {
  return report?.settled === true && report.status !== "queued";
}

function isAccepted(report: { accepted: boolean; status?: string } | undefined, status: string): boolean {
  return report?.accepted === true && report.status === status;
}
