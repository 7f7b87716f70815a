import { type LeaseRefusal, slotOrderOf } from "../../model/lease.ts";
import { lostErrorText } from "../../model/store-errors.ts";
import { machineKey, type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { HolderNews, RenewReport, RenewRequest, SlotReport, SlotRequest, SweepReport, SweepRequest } from "../../ports/store-claim.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import type {
  AppendEventsReport,
  AppendEventsRequest,
  AppendSignalReport,
  AppendSignalsRequest,
  CancelReport,
  CancelRequest,
} from "../../ports/store-message.ts";
import type { CheckpointEntry, CheckpointReport, ParkEntry, ParkReport } from "../../ports/store-settle.ts";
import { countText, flag, isTooLarge, maxPayloadBytes, milliseconds, signed } from "./redis-arguments.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { toFixed, toRank } from "./redis-row.ts";
import type { RedisScripts } from "./redis-scripts.ts";

/** Where writes go. */
export interface RedisTarget {
  readonly connection: RedisConnection;
  readonly scripts: RedisScripts;
}

export async function insertExecutions(
  { connection, scripts }: RedisTarget,
  { name, executions, atomic = false, maxQueued }: InsertRequest,
): Promise<InsertReport[]> {
  const details = executions.map(detailOf);
  const good = executions.filter((_, index) => details[index] === undefined);
  const spoiled = good.length < executions.length;
  const args: (string | number)[] = [flag(atomic), flag(spoiled), countText(maxQueued), good.length];
  for (const execution of good) pushStart(args, execution);
  const answer = good.length === 0 ? [] : ((await connection.run(scripts.insert, name, args)) as InsertAnswer);
  const [queuedAt] = answer;
  let next = 0;
  return details.map((detail, index): InsertReport => {
    if (detail !== undefined) return { inserted: false, reason: "unstorable", detail };
    const id = (executions[index] as NewExecution).id;
    if (typeof queuedAt === "number") return { inserted: true, id, queuedAt, repeated: false };
    const [outcome, existingId, number] = answer[next++] as [string, string, number];
    switch (outcome) {
      case "inserted":
      case "repeated":
        return { inserted: true, id: existingId, queuedAt: number, repeated: outcome === "repeated" };
      case "full":
        return { inserted: false, reason: "full", queued: number };
      case "atomic":
        return { inserted: false, reason: "atomic" };
      default:
        return { inserted: false, reason: outcome as "duplicate", existingId };
    }
  });
}

type InsertAnswer = readonly (number | readonly [outcome: string, id: string, number: number])[];

function detailOf(execution: NewExecution): string | undefined {
  const detail = unstorablePart(execution);
  if (detail !== undefined) return detail;
  const { input, settings, retry, trace } = execution;
  return isTooLarge(input, settings, retry, trace) ? `its input is larger than ${maxPayloadBytes} bytes` : undefined;
}

function pushStart(args: (string | number)[], execution: NewExecution): void {
  const { id, startToken, inputHash, idempotencyKey, priority, group, machineId, machineVersion, maxTakeovers, delayMs, tags, input } =
    execution;
  args.push(
    id,
    startToken,
    inputHash ?? "",
    idempotencyKey ?? "",
    toRank(priority),
    group ?? "",
    machineId,
    machineKey(machineId, machineVersion),
    countText(maxTakeovers),
    milliseconds(delayMs),
    tags.length === 0 ? "" : JSON.stringify(tags),
    toFixed(execution),
    input,
  );
}

type NewsAnswer = readonly [first: number, isCancelRequested: number, lastSignal: number, reason: string | null];

function toNews([, isCancelRequested, lastSignal, reason]: NewsAnswer): HolderNews {
  return { cancelRequested: isCancelRequested === 1, lastSignal, ...(reason !== null && reason !== undefined && { reason }) };
}

export async function renewLeases(
  { connection, scripts }: RedisTarget,
  { name, owner, leaseMs, leases }: RenewRequest,
): Promise<RenewReport[]> {
  if (leases.length === 0) return [];
  const args = [owner, milliseconds(leaseMs), leases.length, ...leases.flatMap(({ id, fence }) => [id, fence])];
  const answer = (await connection.run(scripts.renew, name, args)) as (string | NewsAnswer)[];
  return answer.map((item): RenewReport => {
    if (typeof item === "string") return { held: false, reason: item as LeaseRefusal };
    return { held: true, expiresAt: item[0], ...toNews(item) };
  });
}

export async function changeSlots(
  { connection, scripts }: RedisTarget,
  { name, owner, groupLimit, entries }: SlotRequest,
): Promise<SlotReport[]> {
  if (entries.length === 0) return [];
  const limits: (string | number)[] = [];
  if (typeof groupLimit === "function") {
    const ids = entries.map(({ id }) => id);
    const groups = new Set((await connection.run(scripts.groups, name, ids)) as string[]);
    groups.delete("");
    for (const group of groups) limits.push(group, countText(groupLimit(group)));
  }
  const args = [
    owner,
    typeof groupLimit === "number" ? countText(groupLimit) : "",
    limits.length / 2,
    ...limits,
    entries.length,
    ...entries.flatMap(({ id, fence, change, order }) => [id, fence, change, order === undefined ? "" : slotOrderOf(fence, order)]),
  ];
  const answer = (await connection.run(scripts.slots, name, args)) as string[];
  return answer.map(
    (reason): SlotReport => (reason === "" ? { changed: true } : { changed: false, reason: reason as LeaseRefusal | "limited" }),
  );
}

async function save(
  { connection, scripts }: RedisTarget,
  name: string,
  owner: string,
  park: boolean,
  entries: readonly (CheckpointEntry & { readonly wakeInMs?: number })[],
): Promise<(string | NewsAnswer)[]> {
  const small = entries.filter((entry) => !isTooLarge(entry.checkpoint?.body, entry.progress));
  const args: (string | number)[] = [owner, flag(park), small.length];
  for (const { id, fence, progress = "", checkpoint, wakeInMs } of small) {
    const { revision = "", body = "", consumedSignal = 0, machineVersion } = checkpoint ?? {};
    const wake = wakeInMs === undefined ? "" : milliseconds(wakeInMs);
    args.push(id, fence, progress, revision, body, consumedSignal, signed(machineVersion), wake);
  }
  const answer = small.length === 0 ? [] : ((await connection.run(scripts.save, name, args)) as (string | NewsAnswer)[]);
  let next = 0;
  return entries.map((entry) => (entry === small[next] ? (answer[next++] as NewsAnswer) : "unstorable"));
}

export async function saveCheckpoints(
  target: RedisTarget,
  name: string,
  owner: string,
  entries: readonly CheckpointEntry[],
): Promise<CheckpointReport[]> {
  return (await save(target, name, owner, false, entries)).map((item): CheckpointReport => {
    if (typeof item === "string") return { saved: false, reason: item as LeaseRefusal };
    return { saved: true, stale: item[0] === 1, ...toNews(item) };
  });
}

export async function parkExecutions(
  target: RedisTarget,
  name: string,
  owner: string,
  entries: readonly ParkEntry[],
): Promise<ParkReport[]> {
  return (await save(target, name, owner, true, entries)).map((item): ParkReport => {
    if (item === "repeated" || typeof item !== "string") return { parked: true, repeated: item === "repeated" };
    return { parked: false, reason: item as LeaseRefusal };
  });
}

export async function sweepLeases({ connection, scripts }: RedisTarget, { name, limit = 1_000 }: SweepRequest): Promise<SweepReport> {
  const answer = (await connection.run(scripts.sweep, name, [countText(limit), lostErrorText])) as SweepAnswer;
  const [nextExpiryInMs, due, takenOver, lost, cancelled] = answer;
  return { takenOver, lost, cancelled, due, ...(nextExpiryInMs >= 0 && { nextExpiryInMs }) };
}

type SweepAnswer = readonly [nextExpiryInMs: number, due: number, takenOver: string[], lost: string[], cancelled: string[]];

export async function cancelExecutions({ connection, scripts }: RedisTarget, { name, cancels }: CancelRequest): Promise<CancelReport[]> {
  if (cancels.length === 0) return [];
  const args = [cancels.length, ...cancels.flatMap(({ id, token, reason }) => [id, token, signed(reason)])];
  const answer = (await connection.run(scripts.cancel, name, args)) as string[];
  return answer.map((outcome): CancelReport => {
    if (outcome === "running" || outcome === "cancelled") return { accepted: true, status: outcome };
    return { accepted: false, reason: outcome as "unknown" };
  });
}

export async function appendSignals(
  { connection, scripts }: RedisTarget,
  { name, signals }: AppendSignalsRequest,
): Promise<AppendSignalReport[]> {
  const small = signals.filter(({ body }) => !isTooLarge(body));
  const args = [small.length, ...small.flatMap(({ id, token, body }) => [id, token, body])];
  const answer = small.length === 0 ? [] : ((await connection.run(scripts.signals, name, args)) as (string | number)[]);
  let next = 0;
  return signals.map((signal): AppendSignalReport => {
    if (signal !== small[next]) return { accepted: false, reason: "unstorable" };
    const item = answer[next++] as string | number;
    if (typeof item === "string") return { accepted: false, reason: item as "unknown" };
    return { accepted: true, sequence: Math.abs(item), repeated: item < 0 };
  });
}

export async function appendEvents(
  { connection, scripts }: RedisTarget,
  { name, owner = "", entries, maxEvents }: AppendEventsRequest,
): Promise<AppendEventsReport[]> {
  const small = entries.filter(({ events }) => !isTooLarge(...events.map(({ body }) => body)));
  const args: (string | number)[] = [owner, countText(maxEvents), small.length];
  for (const { id, fence, events } of small) args.push(id, fence, events.length, ...events.flatMap(({ ordinal, body }) => [ordinal, body]));
  const answer = small.length === 0 ? [] : ((await connection.run(scripts.events, name, args)) as (string | number)[]);
  let next = 0;
  return entries.map((entry): AppendEventsReport => {
    if (entry !== small[next]) return { appended: false, reason: "unstorable" };
    const item = answer[next++] as string | number;
    return typeof item === "number" ? { appended: true, lastSequence: item } : { appended: false, reason: item as "unknown" };
  });
}
