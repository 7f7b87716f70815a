import { CoordinatorClosedError } from "../../model/errors.ts";
import { SchemaVersionError, UnsupportedOperationError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { ExecutionStore, StoreCapabilities } from "../../ports/execution-store.ts";
import { StoreWatchers } from "../records/store-watchers.ts";
import { DocumentCalls } from "./document-calls.ts";
import { DocumentClaims } from "./document-claims.ts";
import { DocumentInserts } from "./document-inserts.ts";
import { factKey, tableSpace } from "./document-keys.ts";
import { DocumentNotices } from "./document-notices.ts";
import { DocumentReads } from "./document-reads.ts";
import { removeRecords } from "./document-removal.ts";
import { DocumentRows } from "./document-rows.ts";
import type { DocumentTable } from "./document-table.ts";

/** How a store on a table of documents works. */
export interface DocumentStoreOptions {
  readonly table: DocumentTable;
  readonly clock: Clock;
  /** How often to look for what other processes have written. */
  readonly noticeDelayMs: number;
  /** How many requests one call has under way. */
  readonly requestsAtOnce: number;
  readonly durability: StoreCapabilities["durability"];
}

/** Of the documents. */
const schemaVersion = 1;
const maxPayloadLength = 10_000_000;

/** What a call on items that are too large to keep answers for these. */
function refusal(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.length > maxPayloadLength) return `is longer than ${maxPayloadLength}`;
  return /\p{Surrogate}/u.test(text) ? "has half a character" : undefined;
}

const isUnstorable = (...texts: readonly (string | undefined)[]): boolean => texts.some((text) => refusal(text) !== undefined);

/**
 * An `ExecutionStore` on services that write single documents on condition. Each execution is one document, changed by the same functions as
 * records in memory: read, changed, and written if nobody else has written since, else once more.
 */
export function createDocumentStore(options: DocumentStoreOptions): ExecutionStore {
  const { table, clock, noticeDelayMs, requestsAtOnce, durability } = options;
  const rows = new DocumentRows(table, clock);
  const watchers = new StoreWatchers();
  const notices = new DocumentNotices(rows, watchers, noticeDelayMs);
  const calls = new DocumentCalls(rows, requestsAtOnce, (name, notice) => notices.tell(name, notice));
  const inserts = new DocumentInserts(rows, requestsAtOnce, refusal);
  const claims = new DocumentClaims(rows, calls);
  const reads = new DocumentReads(rows);
  let opened: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  /** Whatever failed to open is opened again by the next call. */
  async function open(): Promise<void> {
    if (closed !== undefined) throw new CoordinatorClosedError(`the store on ${table.where} is closed`);
    opened ??= checkSchema(table, rows.version).catch((error) => {
      opened = undefined;
      throw error;
    });
    await opened;
  }

  /** Those that can be stored are written; the others are refused, each for itself. */
  async function storable<Item, Report>(
    items: readonly Item[],
    textsOf: (item: Item) => readonly (string | undefined)[],
    refused: Report,
    write: (items: readonly Item[]) => Promise<readonly Report[]>,
  ): Promise<readonly Report[]> {
    await open();
    const good = items.filter((item) => !isUnstorable(...textsOf(item)));
    const reports = (await write(good))[Symbol.iterator]();
    return items.map((item) => (isUnstorable(...textsOf(item)) ? refused : (reports.next().value as Report)));
  }

  return {
    capabilities: {
      shared: true,
      durability,
      notices: "polled",
      transactions: "none",
      roundRobin: "none",
      groupLimits: false,
      rateLimits: false,
      maxPayloadBytes: maxPayloadLength,
    },

    async insert(request) {
      if (request.transaction !== undefined)
        throw new UnsupportedOperationError(`${table.where} has no transactions to start executions in`);
      await open();
      const reports = await inserts.insert(request);
      if (reports.some((report) => report.inserted && !report.repeated)) notices.tell(request.name, { type: "claimable" });
      return reports;
    },
    async get(name, ids) {
      await open();
      return reads.get(name, ids);
    },
    async list(request) {
      await open();
      return reads.list(request);
    },
    async counts(request) {
      await open();
      return reads.counts(request);
    },
    async claim(request) {
      if (request.groupLimit !== undefined || request.rateLimit !== undefined)
        throw new UnsupportedOperationError(`the store on ${table.where} limits neither groups nor rates across processes`);
      await open();
      return claims.claim(request);
    },
    async renew(request) {
      await open();
      return calls.each(request.name, request.leases, "facts", (methods, leases) => methods.renew({ ...request, leases }));
    },
    async changeSlots() {
      throw new UnsupportedOperationError(`the store on ${table.where} limits no groups across processes`);
    },
    checkpoint: (request) =>
      storable(
        request.entries,
        ({ checkpoint, progress }) => [checkpoint?.body, progress],
        { saved: false, reason: "unstorable" },
        (all) => calls.each(request.name, all, "facts", (methods, entries) => methods.checkpoint({ ...request, entries })),
      ),
    settle: (request) =>
      storable(
        request.settlements,
        ({ outcome, progress }) => [
          progress,
          "result" in outcome ? outcome.result : undefined,
          "error" in outcome ? outcome.error : undefined,
          "reason" in outcome ? outcome.reason : undefined,
        ],
        { settled: false, reason: "unstorable" },
        (all) => calls.each(request.name, all, "facts", (methods, settlements) => methods.settle({ ...request, settlements })),
      ),
    park: (request) =>
      storable(
        request.entries,
        ({ checkpoint, progress }) => [checkpoint.body, progress],
        { parked: false, reason: "unstorable" },
        (all) => calls.each(request.name, all, "facts", (methods, entries) => methods.park({ ...request, entries })),
      ),
    async requestCancel(request) {
      await open();
      return calls.each(request.name, request.cancels, "facts", (methods, cancels) => methods.requestCancel({ ...request, cancels }));
    },
    appendSignals: (request) =>
      storable(
        request.signals,
        ({ body }) => [body],
        { accepted: false, reason: "unstorable" },
        (all) => calls.each(request.name, all, "facts", (methods, signals) => methods.appendSignals({ ...request, signals })),
      ),
    async readSignals(request) {
      await open();
      return reads.readSignals(request);
    },
    appendEvents: (request) =>
      storable(
        request.entries,
        ({ events }) => events.map(({ body }) => body),
        { appended: false, reason: "unstorable" },
        (all) => calls.each(request.name, all, "facts", (methods, entries) => methods.appendEvents({ ...request, entries })),
      ),
    async readEvents(request) {
      await open();
      return reads.readEvents(request);
    },
    async sweep(request) {
      await open();
      return claims.sweep(request);
    },
    async findOverdue(request) {
      await open();
      return claims.findOverdue(request);
    },
    async remove({ name, olderThanMs, limit = 1_000 }) {
      await open();
      return removeRecords(rows, name, clock.now() - olderThanMs, limit, requestsAtOnce);
    },
    async watch(request, listener) {
      await open();
      const watch = watchers.watch(request, listener);
      try {
        await notices.start();
      } catch (error) {
        await watch.close();
        throw error;
      }
      return watch;
    },
    close() {
      closed ??= (async () => {
        await notices.close();
        await table.close();
      })();
      return closed;
    },
  };
}

async function checkSchema(table: DocumentTable, version: () => string): Promise<void> {
  const key = factKey("schema");
  for (;;) {
    const [stored] = await table.get(tableSpace, [key]);
    if (stored !== undefined) {
      const found = Number(stored.data);
      if (found > schemaVersion) throw new SchemaVersionError({ where: table.where, found, supported: schemaVersion });
      return;
    }
    await table.put(tableSpace, { ...key, version: version(), data: `${schemaVersion}`, places: {} }, undefined);
  }
}
