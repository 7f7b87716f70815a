import type { Clock } from "../../ports/clock.ts";
import type { DocumentKey, DocumentTable, FoundPlace, IndexRange, NewDocument, StoredDocument } from "../documents/document-table.ts";
import { doneUnless } from "../documents/done-unless.ts";
import { inParallel } from "../documents/in-parallel.ts";
import { findBackwards } from "./azure-table-backwards.ts";
import type { TableEntityLike } from "./azure-table-client.ts";
import type { TableConnection } from "./azure-table-connection.ts";
import { documentRow, indexRow, isRemoved, movedPlaces, toDocument, toEntity } from "./azure-table-entities.ts";
import { isConditionFailed, isEntityMissing } from "./azure-table-errors.ts";
import { TableWriter } from "./azure-table-writer.ts";

const requestsAtOnce = 16;
/** What one request of a query gives. */
const entitiesPerPage = 1_000;

/**
 * Documents as entities, all of a space in one partition: a document and the entities by which its indexes show it are written in one
 * transaction, so what an index shows is what is stored.
 */
export function createAzureTable(connection: TableConnection, table: string, clock: Clock, timers: Clock): DocumentTable {
  const writer = new TableWriter(connection, timers);

  const conditionally = (send: Parameters<typeof connection.call<unknown>>[0]): Promise<boolean> =>
    doneUnless(isConditionFailed, connection.call(send));

  async function getEntity(space: string, key: DocumentKey): Promise<TableEntityLike | undefined> {
    try {
      return await connection.call((client, options) => client.getEntity(space, documentRow(key), options));
    } catch (error) {
      if (isEntityMissing(error)) return undefined;
      throw error;
    }
  }

  /** In place of what has this tag, or where nothing is. */
  async function write(space: string, next: NewDocument, tag: string | undefined, places: StoredDocument["places"] = {}): Promise<boolean> {
    const entity = toEntity(space, next);
    const { gone, come } = movedPlaces(next.owner, places, next.places);
    return writer.write(space, [
      tag === undefined ? ["create", entity] : ["update", entity, "Replace", { etag: tag }],
      ...gone.map((rowKey) => ["delete", { partitionKey: space, rowKey }] as const),
      ...come.map((rowKey) => ["upsert", { partitionKey: space, rowKey }, "Replace"] as const),
    ]);
  }

  /** Rows between two keys, the first included. */
  async function list(space: string, from: string, before: string, limit: number, select?: string[]): Promise<TableEntityLike[]> {
    const filter = `PartitionKey eq '${space}' and RowKey ge '${from}' and RowKey lt '${before}'`;
    const queryOptions = { filter, ...(select !== undefined && { select }) };
    const maxPageSize = Math.min(limit, entitiesPerPage);
    const found: TableEntityLike[] = [];
    let token: string | undefined;
    do {
      const settings = { maxPageSize, ...(token !== undefined && { continuationToken: token }) };
      const { done, value } = await connection.call((client, options) =>
        client
          .listEntities({ ...options, queryOptions })
          .byPage(settings)
          [Symbol.asyncIterator]()
          .next(),
      );
      if (done) break;
      found.push(...value);
      token = value.continuationToken;
    } while (token !== undefined && found.length < limit);
    return found.slice(0, limit);
  }

  async function scan(space: string, { index, group, after, before, limit }: IndexRange): Promise<FoundPlace[]> {
    const prefix = indexRow(index, group, "");
    // `"` is the first after `!`; a space is the first that a longer text can go on with.
    const from = after === undefined ? prefix : `${prefix}${after} `;
    const end = before === undefined ? `${prefix.slice(0, -1)}"` : `${prefix}${before}`;
    const rows = await list(space, from, end, limit, ["rowKey"]);
    return rows.map(({ rowKey = "" }) => {
      const at = rowKey.slice(prefix.length);
      return { at, owner: at.slice(at.indexOf("!") + 1) };
    });
  }

  return {
    inlineLength: 8_000,
    where: `the Azure table ${table}`,

    get: (space, keys) =>
      inParallel(keys, requestsAtOnce, async (key) => {
        const entity = await getEntity(space, key);
        return entity === undefined || isRemoved(entity) ? undefined : toDocument(entity);
      }),

    async put(space, next, previous) {
      if (await write(space, next, previous?.tag, previous?.places)) return true;
      if (previous !== undefined) return false;
      const left = await getEntity(space, next);
      return left !== undefined && isRemoved(left) && write(space, next, left.etag);
    },

    // A transaction cannot delete on condition: what is left of the document first is an entity that counts as none.
    async remove(space, previous) {
      const { gone } = movedPlaces(previous.owner, previous.places, {});
      const rowKey = documentRow(previous);
      const marked = { partitionKey: space, rowKey, removed: true };
      const mark = ["update", marked, "Replace", { etag: previous.tag ?? "" }] as const;
      const deletions = gone.map((row) => ["delete", { partitionKey: space, rowKey: row }] as const);
      if (gone.length > 0 && !(await writer.write(space, [mark, ...deletions]))) return false;
      const etag = gone.length > 0 ? (await getEntity(space, previous))?.etag : previous.tag;
      if (etag === undefined) return true;
      return (await conditionally((client, options) => client.deleteEntity(space, rowKey, { ...options, etag }))) || gone.length > 0;
    },

    async set(space, documents) {
      await inParallel(documents, requestsAtOnce, (document) =>
        connection.call((client, options) => client.upsertEntity(toEntity(space, document) as never, "Replace", options)),
      );
    },

    async drop(space, keys) {
      await inParallel(keys, requestsAtOnce, (key) =>
        conditionally((client, options) => client.deleteEntity(space, documentRow(key), options)),
      );
    },

    async find(space, range) {
      if (!range.descending) return scan(space, range);
      const { after, before, limit, index, group } = range;
      const bounds = { limit, ...(after !== undefined && { after }), ...(before !== undefined && { before }) };
      const upwards = (from: string | undefined, to: string | undefined, most: number) =>
        scan(space, { index, group, limit: most, ...(from !== undefined && { after: from }), ...(to !== undefined && { before: to }) });
      return findBackwards(upwards, bounds, clock.now() * 1_000);
    },

    async count(space, { atMost = Number.POSITIVE_INFINITY, ...range }) {
      return (await scan(space, { ...range, limit: atMost })).length;
    },

    async parts(space, owner, from, before, limit) {
      const rows = await list(space, documentRow({ owner, part: from }), documentRow({ owner, part: before }), limit);
      return rows.map(toDocument);
    },

    async close() {
      connection.close();
    },
  };
}
