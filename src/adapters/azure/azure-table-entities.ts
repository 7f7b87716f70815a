import {
  type DocumentKey,
  type IndexName,
  type IndexPlace,
  indexNames,
  type NewDocument,
  type StoredDocument,
} from "../documents/document-table.ts";
import type { TableEntityLike } from "./azure-table-client.ts";

/** Keys of entities, within the partition of a space. `!` sorts before all that parts of keys consist of. */
export const documentRow = ({ owner, part }: DocumentKey): string => `d!${owner}!${part}`;
export const indexRow = (index: IndexName, group: string, at: string): string => `i!${index}!${group}!${at}`;

/** A property holds 32 Ki characters. */
const propertyLength = 30_000;

export function toEntity(space: string, document: NewDocument): TableEntityLike {
  const { version, data, places } = document;
  const entity: TableEntityLike = { partitionKey: space, rowKey: documentRow(document), version, places: JSON.stringify(places) };
  for (let from = 0, index = 0; from < data.length; index++) {
    let to = Math.min(data.length, from + propertyLength);
    // The two halves of a character stay together.
    if (to < data.length && (data.charCodeAt(to - 1) & 0xfc00) === 0xd800) to -= 1;
    entity[`data${index}`] = data.slice(from, to);
    from = to;
  }
  return entity;
}

export const isRemoved = (entity: TableEntityLike): boolean => entity.removed === true;

export function toDocument(entity: TableEntityLike): StoredDocument {
  const [, owner = "", part = ""] = (entity.rowKey ?? "").split("!");
  let data = "";
  for (let index = 0; typeof entity[`data${index}`] === "string"; index++) data += entity[`data${index}`];
  return {
    owner,
    part,
    version: String(entity.version),
    data,
    places: JSON.parse(String(entity.places ?? "{}")),
    ...(entity.etag !== undefined && { tag: entity.etag }),
  };
}

/** Entities of indexes that have to go, and that have to come, with a write. */
export function movedPlaces(
  owner: string,
  previous: StoredDocument["places"],
  next: NewDocument["places"],
): { gone: string[]; come: string[] } {
  const rowOf = (index: IndexName, place: IndexPlace | undefined) => place && indexRow(index, place.group, `${place.order}!${owner}`);
  const gone: string[] = [];
  const come: string[] = [];
  for (const index of indexNames) {
    const [before, after] = [rowOf(index, previous[index]), rowOf(index, next[index])];
    if (before === after) continue;
    if (before !== undefined) gone.push(before);
    if (after !== undefined) come.push(after);
  }
  return { gone, come };
}
