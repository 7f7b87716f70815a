import {
  type DocumentKey,
  type DocumentTable,
  type IndexRange,
  indexNames,
  type NewDocument,
  type StoredDocument,
} from "../../src/adapters/documents/document-table.ts";

/** What happens instead of, or around, a request. */
export type Interference = (request: string, run: () => unknown) => Promise<unknown>;

/** Documents that several tables of one process can share, as processes share a service. */
export class MemoryDocuments {
  readonly spaces = new Map<string, Map<string, StoredDocument>>();
  requests = 0;

  space(name: string): Map<string, StoredDocument> {
    const space = this.spaces.get(name) ?? new Map<string, StoredDocument>();
    this.spaces.set(name, space);
    return space;
  }
}

const keyOf = ({ owner, part }: DocumentKey) => `${owner} ${part}`;

/** A table of documents in memory: what a service does, without a service. */
export function createMemoryDocumentTable(documents: MemoryDocuments, { interfere }: { interfere?: Interference } = {}): DocumentTable {
  async function request<Result>(what: string, run: () => Result): Promise<Result> {
    documents.requests += 1;
    await Promise.resolve();
    return (await (interfere === undefined ? run() : interfere(what, run))) as Result;
  }

  function write(space: string, next: NewDocument): void {
    documents.space(space).set(keyOf(next), JSON.parse(JSON.stringify({ ...next })));
  }

  function isStored(space: string, key: DocumentKey, previous: StoredDocument | undefined): boolean {
    return documents.space(space).get(keyOf(key))?.version === previous?.version;
  }

  function entries(space: string, { index, group, after, before, descending }: Omit<IndexRange, "limit">) {
    const all = [...documents.space(space).values()].flatMap(({ owner, places }) => {
      const place = places[index];
      return place?.group === group ? [{ owner, at: `${place.order}!${owner}` }] : [];
    });
    const found = all.filter(({ at }) => (after === undefined || at > after) && (before === undefined || at < before));
    found.sort((a, b) => (a.at < b.at ? -1 : 1));
    return descending ? found.reverse() : found;
  }

  return {
    inlineLength: 200,
    where: "documents in memory",
    get: (space, keys) => request("get", () => keys.map((key) => documents.space(space).get(keyOf(key)))),
    put: (space, next, previous) =>
      request("put", () => {
        if (
          !indexNames.every(
            (name) => next.places[name] === undefined || /^[\w.!~-]+$/.test(next.places[name].group + next.places[name].order),
          )
        )
          throw new Error(`no service takes ${JSON.stringify(next.places)}`);
        if (!isStored(space, next, previous)) return false;
        write(space, next);
        return true;
      }),
    remove: (space, previous) =>
      request("remove", () => isStored(space, previous, previous) && documents.space(space).delete(keyOf(previous))),
    set: (space, all) => request("set", () => all.forEach((next) => void write(space, next))),
    drop: (space, keys) => request("drop", () => keys.forEach((key) => void documents.space(space).delete(keyOf(key)))),
    find: (space, range) => request("find", () => entries(space, range).slice(0, range.limit)),
    count: (space, range) => request("count", () => Math.min(range.atMost ?? Number.POSITIVE_INFINITY, entries(space, range).length)),
    parts: (space, owner, from, before, limit) =>
      request("parts", () => {
        const found = [...documents.space(space).values()].filter(
          (each) => each.owner === owner && each.part >= from && each.part < before,
        );
        return found.sort((a, b) => (a.part < b.part ? -1 : 1)).slice(0, limit);
      }),
    close: async () => {},
  };
}
