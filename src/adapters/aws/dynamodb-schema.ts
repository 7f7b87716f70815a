import type { AttributeValue, CreateTableCommandInput } from "@aws-sdk/client-dynamodb";
import { type DocumentKey, type IndexName, indexNames, type NewDocument, type StoredDocument } from "../documents/document-table.ts";

export type Item = Record<string, AttributeValue>;

/** An index has two attributes of its own; a document that it does not show has neither. */
export const groupAttribute = (index: IndexName): string => `${index}Group`;
export const orderAttribute = (index: IndexName): string => `${index}Order`;

export const partitionOf = (space: string, ownerOrGroup: string): string => `${space}!${ownerOrGroup}`;

/** Paid by request; the indexes keep nothing but keys. */
export function tableDefinition(table: string): CreateTableCommandInput {
  const keys = ["partition", "part", ...indexNames.flatMap((index) => [groupAttribute(index), orderAttribute(index)])];
  return {
    TableName: table,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
    KeySchema: [
      { AttributeName: "partition", KeyType: "HASH" },
      { AttributeName: "part", KeyType: "RANGE" },
    ],
    GlobalSecondaryIndexes: indexNames.map((index) => ({
      IndexName: index,
      KeySchema: [
        { AttributeName: groupAttribute(index), KeyType: "HASH" },
        { AttributeName: orderAttribute(index), KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    })),
  };
}

export function toKey(space: string, { owner, part }: DocumentKey): Item {
  return { partition: { S: partitionOf(space, owner) }, part: { S: part } };
}

export function toItem(space: string, document: NewDocument): Item {
  const item: Item = { ...toKey(space, document), version: { S: document.version }, data: { S: document.data } };
  for (const index of indexNames) {
    const place = document.places[index];
    if (place === undefined) continue;
    item[groupAttribute(index)] = { S: partitionOf(space, place.group) };
    item[orderAttribute(index)] = { S: `${place.order}!${document.owner}` };
  }
  return item;
}

const textOf = (item: Item, attribute: string): string => item[attribute]?.S ?? "";

/** Without its places: nobody asks for them. */
export function toDocument(item: Item): StoredDocument {
  const partition = textOf(item, "partition");
  return {
    owner: partition.slice(partition.indexOf("!") + 1),
    part: textOf(item, "part"),
    version: textOf(item, "version"),
    data: textOf(item, "data"),
    places: {},
  };
}

/** Where an index shows it. */
export function toPlace(item: Item, index: IndexName): { owner: string; at: string } {
  const at = textOf(item, orderAttribute(index));
  return { owner: at.slice(at.indexOf("!") + 1), at };
}
