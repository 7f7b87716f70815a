import type { QueryCommandInput, WriteRequest } from "@aws-sdk/client-dynamodb";
import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { DocumentKey, DocumentTable, IndexRange } from "../documents/document-table.ts";
import { doneUnless } from "../documents/done-unless.ts";
import type { DynamodbConnection } from "./dynamodb-connection.ts";
import { isConditionFailed } from "./dynamodb-errors.ts";
import { groupAttribute, type Item, orderAttribute, partitionOf, toDocument, toItem, toKey, toPlace } from "./dynamodb-schema.ts";

/** What one request of a batch takes. */
const readsPerBatch = 100;
const writesPerBatch = 25;
/** What a batch leaves undone, because it is too much at once, is asked for again so often. */
const maxRounds = 8;
const firstPauseMs = 20;

/** Documents as items of a table: reads of items are consistent, indexes follow within a moment. */
export function createDynamodbTable(connection: DynamodbConnection, table: string): DocumentTable {
  async function putIf(item: Item, previous: string | undefined): Promise<boolean> {
    return conditionally((sdk, client, options) =>
      client.send(new sdk.PutItemCommand({ TableName: table, Item: item, ...ifStored(previous) }), options),
    );
  }

  const conditionally = (send: Parameters<typeof connection.call<unknown>>[0]): Promise<boolean> =>
    doneUnless(isConditionFailed, connection.call(send));

  async function getOne(key: Item): Promise<Item[]> {
    const { Item: item } = await connection.call((sdk, client, options) =>
      client.send(new sdk.GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }), options),
    );
    return item === undefined ? [] : [item];
  }

  async function getBatch(keys: readonly Item[]): Promise<Item[]> {
    const found: Item[] = [];
    await inRounds([...keys], async (Keys) => {
      const { Responses, UnprocessedKeys } = await connection.call((sdk, client, options) =>
        client.send(new sdk.BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }), options),
      );
      found.push(...(Responses?.[table] ?? []));
      return UnprocessedKeys?.[table]?.Keys ?? [];
    });
    return found;
  }

  async function writeAll(requests: readonly WriteRequest[]): Promise<void> {
    await Promise.all(
      slices(requests, writesPerBatch).map((some) =>
        inRounds(some, async (left) => {
          const { UnprocessedItems } = await connection.call((sdk, client, options) =>
            client.send(new sdk.BatchWriteItemCommand({ RequestItems: { [table]: left } }), options),
          );
          return UnprocessedItems?.[table] ?? [];
        }),
      ),
    );
  }

  /** Does what it is given, and what was left undone again after a pause. */
  async function inRounds<Part>(parts: Part[], round: (parts: Part[]) => Promise<Part[]>): Promise<void> {
    let left = parts;
    for (let rounds = 1; left.length > 0; rounds++) {
      const before = left.length;
      left = await round(left);
      if (left.length === 0) return;
      // A batch may also be cut short by the size of its answer: then it has got on.
      if (left.length === before && rounds >= maxRounds) throw new StoreUnavailableError("DynamoDB: the table is throttled");
      await connection.pause(left.length < before ? 0 : firstPauseMs * 2 ** Math.min(rounds, 6));
    }
  }

  /** Pages of a query until there is enough. */
  async function query(
    input: Omit<QueryCommandInput, "TableName">,
    enough: (page: { Items?: Item[]; Count?: number }) => boolean,
  ): Promise<void> {
    let from: Item | undefined;
    do {
      const page = await connection.call((sdk, client, options) =>
        client.send(new sdk.QueryCommand({ TableName: table, ...input, ...(from !== undefined && { ExclusiveStartKey: from }) }), options),
      );
      if (enough(page as { Items?: Item[]; Count?: number })) return;
      from = page.LastEvaluatedKey;
    } while (from !== undefined);
  }

  return {
    inlineLength: 1_000,
    where: `the DynamoDB table ${table}`,

    async get(space, keys) {
      const unique = [...new Map(keys.map((key) => [textOf(key), key])).values()].map((key) => toKey(space, key));
      const found =
        unique.length === 1
          ? await getOne(unique[0] as Item)
          : (await Promise.all(slices(unique, readsPerBatch).map((some) => getBatch(some)))).flat();
      const documents = new Map(found.map(toDocument).map((document) => [textOf(document), document]));
      return keys.map((key) => documents.get(textOf(key)));
    },

    put: (space, next, previous) => putIf(toItem(space, next), previous?.version),

    remove: (space, previous) =>
      conditionally((sdk, client, options) =>
        client.send(new sdk.DeleteItemCommand({ TableName: table, Key: toKey(space, previous), ...ifStored(previous.version) }), options),
      ),

    async set(space, documents) {
      await writeAll(documents.map((document) => ({ PutRequest: { Item: toItem(space, document) } })));
    },

    async drop(space, keys) {
      await writeAll(keys.map((key) => ({ DeleteRequest: { Key: toKey(space, key) } })));
    },

    async find(space, range) {
      const found: { owner: string; at: string }[] = [];
      const { index, before, limit, descending = false } = range;
      await query({ ...inIndex(space, range), Limit: limit, ScanIndexForward: !descending }, ({ Items = [] }) => {
        // Between two texts includes both of them.
        found.push(...Items.map((item) => toPlace(item, index)).filter(({ at }) => at !== range.after && at !== before));
        return found.length >= limit;
      });
      return found.slice(0, limit);
    },

    async count(space, { atMost = Number.POSITIVE_INFINITY, ...range }) {
      let total = 0;
      const limit = Number.isFinite(atMost) ? { Limit: Math.max(1, atMost) } : {};
      await query({ ...inIndex(space, range), ...limit, Select: "COUNT" }, ({ Count = 0 }) => {
        total += Count;
        return total >= atMost;
      });
      return Math.min(total, atMost);
    },

    async parts(space, owner, from, before, limit) {
      const found: Item[] = [];
      const input = {
        // A key is never an empty text.
        KeyConditionExpression:
          from === "" ? "#partition = :partition AND #part < :before" : "#partition = :partition AND #part BETWEEN :from AND :before",
        ExpressionAttributeNames: { "#partition": "partition", "#part": "part" },
        ExpressionAttributeValues: {
          ":partition": { S: partitionOf(space, owner) },
          ":before": { S: before },
          ...(from !== "" && { ":from": { S: from } }),
        },
        ConsistentRead: true,
        Limit: limit,
      };
      await query(input, ({ Items = [] }) => {
        found.push(...Items);
        return found.length >= limit;
      });
      return found
        .map(toDocument)
        .filter(({ part }) => part !== before)
        .slice(0, limit);
    },

    close: () => connection.close(),
  };
}

const textOf = ({ owner, part }: DocumentKey): string => `${owner} ${part}`;

function ifStored(version: string | undefined) {
  if (version === undefined)
    return { ConditionExpression: "attribute_not_exists(#version)", ExpressionAttributeNames: { "#version": "version" } };
  return {
    ConditionExpression: "#version = :version",
    ExpressionAttributeNames: { "#version": "version" },
    ExpressionAttributeValues: { ":version": { S: version } },
  };
}

function inIndex(space: string, { index, group, after, before }: Omit<IndexRange, "limit">) {
  const between = after !== undefined && before !== undefined;
  const condition = between
    ? " AND #order BETWEEN :after AND :before"
    : after !== undefined
      ? " AND #order > :after"
      : " AND #order < :before";
  const isRange = after !== undefined || before !== undefined;
  return {
    IndexName: index,
    KeyConditionExpression: `#group = :group${isRange ? condition : ""}`,
    ExpressionAttributeNames: { "#group": groupAttribute(index), ...(isRange && { "#order": orderAttribute(index) }) },
    ExpressionAttributeValues: {
      ":group": { S: partitionOf(space, group) },
      ...(after !== undefined && { ":after": { S: after } }),
      ...(before !== undefined && { ":before": { S: before } }),
    },
  };
}

function slices<Part>(parts: readonly Part[], length: number): Part[][] {
  return Array.from({ length: Math.ceil(parts.length / length) }, (_, index) => parts.slice(index * length, (index + 1) * length));
}
