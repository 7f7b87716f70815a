import type { JsonText } from "../../model/json-text.ts";
import type { LeaseRefusal } from "../../model/lease.ts";
import { machineKey } from "../../model/stored-execution.ts";
import type { Writable } from "../../model/writable.ts";
import type { ClaimedExecution, ClaimRefusal, ClaimReport, ClaimRequest } from "../../ports/store-claim.ts";
import type { Settlement, SettleReport } from "../../ports/store-settle.ts";
import type { PostgresConnection } from "./postgres-connection.ts";
import { fromReason, machineKeys, storable } from "./postgres-reads.ts";

const maxInteger = 2_147_483_647;
export const integer = (value: number) => Math.min(maxInteger, Math.floor(value));

/** Where a claim has ended: its bucket is served last by the next one, which goes on behind its last record. */
export interface ClaimTurn {
  readonly lane: number;
  readonly rank: number;
  readonly machineKey: string;
  readonly group: string;
  readonly position: number;
  /** When a claim last looked from the start, on the monotonic clock. */
  readonly walkedAt: number;
}

/** How long claims go on where the last one has ended before one looks from the start. */
const walkEveryMs = 100;

/** A claim's answer, and where the next one goes on. */
export interface TurnedClaim {
  readonly report: ClaimReport;
  readonly turn: ClaimTurn | undefined;
  /** When to look from the start for what was committed late. */
  readonly againInMs?: number;
}

/** What a settlement has to tell, or an execution that was claimed: the short values in one text, its input and its checkpoint. */
type Row = readonly [body: string, input: string | null, checkpoint: string | null];

/** What few have. */
interface More {
  readonly idempotencyKey: string | null;
  readonly cancelRequestedAt: number | null;
  readonly reason: string | null;
  readonly progress: JsonText | null;
  readonly error: JsonText | null;
  readonly abandoned: 1 | null;
  readonly settings: JsonText | null;
  readonly machineVersion: string | null;
  readonly timeoutMs: number | null;
  readonly retry: JsonText | null;
  readonly trace: JsonText | null;
  readonly takeovers: number;
  readonly lastSignal: number;
  readonly consumedSignal: number;
  readonly checkpointRevision: number;
  readonly tags: readonly string[];
}

type Present<Found> = { readonly [Name in keyof Found]?: NonNullable<Found[Name]> };

/** The short values of what was claimed. */
type Claimed = readonly [
  ...[lane: number, rank: number, position: number, sequence: number, attempt: number, maxAttempts: number, maxTakeovers: number],
  ...[fence: number, leaseExpiresAt: number, queuedAt: number, startedAt: number],
  ...[texts: readonly [machineId: string, group: string, id: string], more?: More],
];

interface ClaimedRow {
  readonly told: Claimed;
  readonly input: JsonText;
  readonly checkpoint: JsonText | null;
}

/** What a claim has to tell beside. */
interface ClaimRest {
  /** Milliseconds until more is due. */
  readonly due: number | null;
  readonly refused: readonly { readonly id: string; readonly reason: ClaimRefusal }[];
}

/** One value of each as an array for `unnest`, which takes null for an array of nulls. */
export function toColumn<Item, Value>(items: readonly Item[], pick: (item: Item) => Value | undefined): (Value | null)[] | null {
  const values = items.map((item) => pick(item) ?? null);
  return values.every((value) => value === null) ? null : values;
}

export const parameters = (count: number, first = 1) => Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
const claimParameters = 20;
const settleParameters = 12;
const claimSql = `SELECT * FROM S.claim(${parameters(claimParameters)})`;
const settleSql = `SELECT S.settle(${parameters(settleParameters)})`;
/** The branches run in this order, in one transaction. */
const settleAndClaimSql = `SELECT S.settle(${parameters(settleParameters)}), NULL, NULL
  UNION ALL SELECT * FROM S.claim(${parameters(claimParameters, settleParameters + 1)})`;

/** A claim with what is known from earlier ones, at this instant of the monotonic clock. */
export interface KnowingClaim {
  readonly request: ClaimRequest;
  readonly turn: ClaimTurn | undefined;
  readonly now: number;
}

export async function claimExecutions(connection: PostgresConnection, claim: KnowingClaim): Promise<TurnedClaim> {
  const { name, groupLimit, ids } = claim.request;
  const groups = typeof groupLimit === "function" ? await limitsOf(connection, name, groupLimit, ids) : undefined;
  const rows = await connection.rows<Row>("claim", claimSql, toClaimValues(claim, groups));
  return toClaim(rows, claim);
}

export async function settleLeases(
  connection: PostgresConnection,
  name: string,
  owner: string,
  settlements: readonly Settlement[],
): Promise<SettleReport[]> {
  const rows = await connection.rows<Row>("settle", settleSql, toSettleValues(name, owner, settlements));
  return toSettleReports(rows[0] as Row, settlements);
}

/** Both in one statement, the settlements first: what they free may be claimed again. Not for claims whose limits make them wait for others. */
export async function settleAndClaim(
  connection: PostgresConnection,
  settlements: readonly Settlement[],
  claim: KnowingClaim,
): Promise<{ reports: SettleReport[]; claim: TurnedClaim }> {
  const { name, owner } = claim.request;
  const values = [...toSettleValues(name, owner, settlements), ...toClaimValues(claim, undefined)];
  const rows = await connection.rows<Row>("settle and claim", settleAndClaimSql, values);
  const [settled, ...claimed] = rows as [Row, ...Row[]];
  return { reports: toSettleReports(settled, settlements), claim: toClaim(claimed, claim) };
}

export async function limitsOf(
  connection: PostgresConnection,
  name: string,
  groupLimit: (group: string) => number,
  ids?: readonly string[],
): Promise<{ groups: string[]; limits: number[] }> {
  const rows =
    ids === undefined
      ? await connection.query<{ group: string }>('SELECT DISTINCT g AS "group" FROM S.ready_groups($1) AS g', [name])
      : await connection.query<{ group: string }>('SELECT DISTINCT "group" FROM S.executions WHERE "name" = $1 AND "id" = ANY ($2)', [
          name,
          ids.map(storable),
        ]);
  const groups = rows.map(({ group }) => group);
  return { groups, limits: groups.map((group) => integer(groupLimit(group))) };
}

/** Takes whatever comes first. Others leave records behind, so that no claim may go on where they have ended, and wait for other claims. */
export function isUnlimited({ ids, groupLimit, rateLimit }: ClaimRequest): boolean {
  return ids === undefined && groupLimit === undefined && rateLimit === undefined;
}

/** Where to go on, unless it is time to look from the start. */
function startOf({ request, turn, now }: KnowingClaim): ClaimTurn | undefined {
  return turn !== undefined && isUnlimited(request) && now - turn.walkedAt < walkEveryMs ? turn : undefined;
}

function toClaimValues(claim: KnowingClaim, groups: { groups: string[]; limits: number[] } | undefined): unknown[] {
  const { request, turn } = claim;
  const start = startOf(claim);
  const { name, owner, claimId, limit, leaseMs, ids, groupLimit, rateLimit } = request;
  const { prefix, keys } = machineKeys(request);
  return [
    name,
    owner,
    claimId,
    integer(limit),
    leaseMs,
    prefix,
    keys,
    ids === undefined ? null : ids.map(storable),
    typeof groupLimit === "number" && groupLimit < maxInteger ? groupLimit : null,
    groups?.groups ?? null,
    groups?.limits ?? null,
    rateLimit === undefined ? null : integer(rateLimit.limit),
    rateLimit?.intervalMs ?? null,
    turn?.machineKey ?? null,
    turn?.group ?? null,
    start?.lane ?? null,
    start?.rank ?? null,
    start?.machineKey ?? null,
    start?.group ?? null,
    start?.position ?? null,
  ];
}

function toClaim(rows: readonly Row[], claim: KnowingClaim): TurnedClaim {
  const { request, turn, now } = claim;
  const start = startOf(claim);
  const found: ClaimedRow[] = [];
  let rest: ClaimRest | undefined;
  for (const [body, input, checkpoint] of rows) {
    if (input === null) rest = JSON.parse(body) as ClaimRest;
    else addInOrder(found, { told: JSON.parse(`[${body}]`) as Claimed, input, checkpoint });
  }
  const executions = found.map((one) => toClaimed(one, request));
  const last = found.at(-1)?.told;
  const hasWalked = start === undefined || executions.length === 0;
  const walkedAt = isUnlimited(request) ? (hasWalked ? now : start.walkedAt) : Number.NEGATIVE_INFINITY;
  const nextDueInMs = rest?.due ?? undefined;
  return {
    report: { executions, refused: rest?.refused ?? [], ...(nextDueInMs !== undefined && { nextDueInMs }) },
    ...(!hasWalked && executions.length < request.limit && { againInMs: Math.max(0, walkEveryMs + walkedAt - now) }),
    turn: last === undefined ? turn && { ...turn, walkedAt } : { ...toTurn(last, start), walkedAt },
  };
}

/** Records of one bucket come in the order of their rows on disk; they are given in that of their positions. */
function addInOrder(found: ClaimedRow[], row: ClaimedRow): void {
  let place = found.length;
  while (place > 0 && isInFrontOf(row.told, (found[place - 1] as ClaimedRow).told)) place -= 1;
  found.splice(place, 0, row);
}

function isInFrontOf(one: Claimed, other: Claimed): boolean {
  return one[2] < other[2] && bucketOf(one) === bucketOf(other);
}

function bucketOf([lane, rank, , , , , , , , , , [machineId, group], more]: Claimed): string {
  return JSON.stringify([lane, rank, machineId, more?.machineVersion, group]);
}

function toTurn(told: Claimed, start: ClaimTurn | undefined): Omit<ClaimTurn, "walkedAt"> {
  const [lane, rank, position, , , , , , , , , [machineId, group], more] = told;
  const key = machineKey(machineId, more?.machineVersion ?? undefined);
  const isSameBucket = start?.lane === lane && start.rank === rank && start.machineKey === key && start.group === group;
  // What had been given back says nothing about the others.
  return { lane, rank, machineKey: key, group, position: isSameBucket ? Math.max(position, start.position) : position };
}

function toClaimed({ told, input, checkpoint }: ClaimedRow, { name, owner }: ClaimRequest): ClaimedExecution {
  const [, rank, , sequence, attempt, maxAttempts, maxTakeovers, fence, leaseExpiresAt, queuedAt, startedAt, texts, more] = told;
  const [machineId, group, id] = texts;
  const execution: Writable<ClaimedExecution> = {
    name,
    id,
    sequence,
    status: "running",
    parked: false,
    priority: rank === 0 ? 0 : -rank,
    tags: [],
    attempt,
    maxAttempts,
    takeovers: 0,
    maxTakeovers,
    fence,
    owner,
    leaseExpiresAt,
    queuedAt,
    startedAt,
    lastSignal: 0,
    consumedSignal: 0,
    machineId,
    input,
  };
  if (group !== "") execution.group = group;
  if (more !== undefined) Object.assign(execution, toMore(more));
  if (checkpoint !== null) execution.checkpoint = { revision: more?.checkpointRevision ?? 0, body: checkpoint };
  return execution;
}

function toMore(found: More): Partial<ClaimedExecution> {
  const present = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null)) as Present<More>;
  const { reason, abandoned, checkpointRevision: _, ...more } = present;
  const text = fromReason(reason ?? null);
  return { ...more, ...(text !== undefined && { reason: text }), ...(abandoned === 1 && { abandoned: true }) };
}

function toSettleValues(name: string, owner: string, settlements: readonly Settlement[]): unknown[] {
  const of = <Value>(pick: (settlement: Settlement) => Value | undefined) => toColumn(settlements, pick);
  return [
    name,
    owner,
    of(({ id }) => storable(id)),
    of(({ fence }) => fence),
    of(({ outcome }) => outcome.type),
    of(({ outcome }) => (outcome.type === "complete" ? outcome.result : undefined)),
    of(({ outcome }) => ("error" in outcome ? outcome.error : undefined)),
    of(({ outcome }) => (outcome.type === "cancel" && outcome.reason !== undefined ? JSON.stringify(outcome.reason) : undefined)),
    of(({ outcome }) => ("delayMs" in outcome ? outcome.delayMs : undefined)),
    of(({ outcome }) => ("abandoned" in outcome && outcome.abandoned ? true : undefined)),
    of(({ outcome }) => (outcome.type === "retry" && outcome.checkpoint === "drop" ? true : undefined)),
    of(({ progress }) => progress),
  ];
}

/** Of one whose report is not the usual one; `ord` is counted from 1. */
type Settled = readonly [ord: number, status: SettledStatus, at: number, refusal: LeaseRefusal | "repeated" | null];
type SettledStatus = Extract<SettleReport, { settled: true }>["status"];

const endedAs = { complete: "completed", fail: "failed", cancel: "cancelled", retry: "queued", release: "queued" } as const;

/** The body's first value tells when those have ended of which no other one tells. */
function toSettleReports([body]: Row, settlements: readonly Settlement[]): SettleReport[] {
  const [endedAt, ...others] = JSON.parse(body) as [endedAt: number, ...others: Settled[]];
  const reports = settlements.map(
    ({ outcome }): SettleReport => ({ settled: true, status: endedAs[outcome.type], at: endedAt, repeated: false }),
  );
  for (const [ord, status, at, refusal] of others) {
    reports[ord - 1] =
      refusal === null || refusal === "repeated"
        ? { settled: true, status, at, repeated: refusal !== null }
        : { settled: false, reason: refusal };
  }
  return reports;
}
