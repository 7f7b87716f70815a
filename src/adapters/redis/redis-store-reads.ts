import { InvalidOptionsError } from "../../model/errors.ts";
import { machineKey, type StoredExecution } from "../../model/stored-execution.ts";
import type { CountsRequest, ListRequest, StoredCounts, StoredPage } from "../../ports/execution-store.ts";
import type { ReadRequest, StoredEvent, StoredSignal } from "../../ports/store-message.ts";
import { countText, milliseconds } from "./redis-arguments.ts";
import { type RecordParts, toExecution, toListed } from "./redis-row.ts";
import type { RedisScript } from "./redis-script.ts";
import type { RedisTarget } from "./redis-store-writes.ts";

export async function getExecutions(
  { connection, scripts }: RedisTarget,
  name: string,
  ids: readonly string[],
): Promise<(StoredExecution | undefined)[]> {
  if (ids.length === 0) return [];
  const found = (await connection.run(scripts.get, name, ids, "bytes")) as (RecordParts | null)[];
  return ids.map((id, index) => {
    const parts = found[index];
    return parts ? toExecution(name, id, parts) : undefined;
  });
}

type ListAnswer = readonly [last: Buffer, found: (readonly [id: Buffer, ...parts: RecordParts])[]];

export async function listExecutions({ connection, scripts }: RedisTarget, request: ListRequest): Promise<StoredPage> {
  const { name, status = "", group = "", tag = "", limit, cursor, order = "oldest" } = request;
  if (cursor !== undefined && !/^\d{1,15}$/.test(cursor))
    throw new InvalidOptionsError({ field: "query.cursor", expected: "the nextCursor of a page", received: cursor });
  const isNewest = order === "newest";
  const found: ListAnswer[1][number][] = [];
  // What is rare among many is looked for by several calls, so that none holds others up for long.
  let from = cursor === undefined ? (isNewest ? "+inf" : "-inf") : `(${cursor}`;
  while (found.length <= limit) {
    const args = [isNewest ? "1" : "", from, limit + 1 - found.length, status, group, tag];
    const [last, some] = (await connection.run(scripts.list, name, args, "bytes")) as ListAnswer;
    found.push(...some);
    if (last.length === 0) break;
    from = `(${last}`;
  }
  const items = found.slice(0, limit).map(([id, ...parts]) => toListed(name, String(id), parts as unknown as RecordParts));
  return { items, ...(found.length > limit && items.length > 0 && { nextCursor: String(items.at(-1)?.sequence) }) };
}

type CountsAnswer = readonly [number, number, number, number, number, number, ready: (string | number)[]];

export async function countExecutions({ connection, scripts }: RedisTarget, { name, runs }: CountsRequest): Promise<StoredCounts> {
  const answer = (await connection.run(scripts.counts, name, [])) as CountsAnswer;
  const [queued, running, completed, failed, cancelled, parked, ready] = answer;
  let unclaimable = 0;
  if (runs !== undefined) {
    const { machineId, versions } = runs;
    const all = machineKey(machineId, "");
    const some = versions === "any" ? undefined : new Set([all, ...versions.map((version) => machineKey(machineId, version))]);
    for (let index = 0; index < ready.length; index += 2) {
      const key = String(ready[index]);
      if (some === undefined ? !key.startsWith(all) : !some.has(key)) unclaimable += Number(ready[index + 1]);
    }
  }
  const total = queued + running + completed + failed + cancelled;
  return { queued, running, completed, failed, cancelled, total, unclaimable, parked };
}

async function readMessages(
  { connection }: RedisTarget,
  script: RedisScript,
  { name, id, afterSequence = 0, limit = 1_000 }: ReadRequest,
): Promise<StoredSignal[]> {
  const answer = (await connection.run(script, name, [id, afterSequence, countText(limit)])) as (string | number)[];
  const messages: StoredSignal[] = [];
  for (let index = 0; index < answer.length; index += 3)
    messages.push({ sequence: Number(answer[index]), at: Number(answer[index + 1]), body: String(answer[index + 2]) });
  return messages;
}

export function readSignals(target: RedisTarget, request: ReadRequest): Promise<StoredSignal[]> {
  return readMessages(target, target.scripts.readSignals, request);
}

export function readEvents(target: RedisTarget, request: ReadRequest): Promise<StoredEvent[]> {
  return readMessages(target, target.scripts.readEvents, request);
}

export async function findOverdue(
  { connection, scripts }: RedisTarget,
  { name, waitingMs, limit }: { readonly name: string; readonly waitingMs: number; readonly limit: number },
): Promise<string[]> {
  return (await connection.run(scripts.overdue, name, [milliseconds(waitingMs), countText(limit)])) as string[];
}
