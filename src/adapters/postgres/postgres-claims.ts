import type { LeaseRefusal } from "../../model/lease.ts";
import { machineKey } from "../../model/stored-execution.ts";
import type { Writable } from "../../model/writable.ts";
import type { ClaimedExecution, ClaimRefusal, ClaimReport, ClaimRequest } from "../../ports/store-claim.ts";
import type { Settlement, SettleReport } from "../../ports/store-settle.ts";
import { claimedNames, claimedOffset } from "./postgres-claim-sql.ts";
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

type Row = readonly (string | number | null)[];

/** One value of each as an array for `unnest`, which takes null for an array of nulls. */
export function toColumn<Item, Value>(items: readonly Item[], pick: (item: Item) => Value | undefined): (Value | null)[] | null {
  const values = items.map((item) => pick(item) ?? null);
  return values.every((value) => value === null) ? null : values;
}

export const parameters = (count: number, first = 1) => Array.from({ length: count }, (_, index) => `$${first + index}`).join(", ");
const claimParameters = 20;
const settleParameters = 12;
const claimSql = `SELECT * FROM S.claim(${parameters(claimParameters)})`;
const settleSql = `SELECT o_ord, o_at, NULL::float8, o_outcome, o_refusal FROM S.settle(${parameters(settleParameters)})`;
/** The branches run in this order, in one transaction. */
const settleAndClaimSql = `SELECT o_ord, o_at, NULL::float8, o_outcome, o_refusal, ${claimedNames.map(() => "NULL").join(", ")} FROM S.settle(${parameters(settleParameters)})
  UNION ALL SELECT NULL, NULL, claimed.* FROM S.claim(${parameters(claimParameters, settleParameters + 1)}) AS claimed`;
/** Columns of a settlement's row before those of a claim. */
const settledColumns = 2;

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
  return toClaim(rows, 0, claim);
}

export async function settleLeases(
  connection: PostgresConnection,
  name: string,
  owner: string,
  settlements: readonly Settlement[],
): Promise<SettleReport[]> {
  const rows = await connection.rows<Row>("settle", settleSql, toSettleValues(name, owner, settlements));
  return toSettleReports(rows, settlements);
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
  const settled = rows.filter(([ord]) => ord !== null);
  const claimed = rows.filter(([ord]) => ord === null);
  return { reports: toSettleReports(settled, settlements), claim: toClaim(claimed, settledColumns, claim) };
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

function toClaim(rows: readonly Row[], from: number, claim: KnowingClaim): TurnedClaim {
  const { request, turn, now } = claim;
  const start = startOf(claim);
  const executions: ClaimedExecution[] = [];
  const refused: { id: string; reason: ClaimRefusal }[] = [];
  let nextDueInMs: number | undefined;
  let last: Row | undefined;
  for (const row of rows) {
    const [due, refusedId, refusal] = row.slice(from, from + claimedOffset) as [number | null, string | null, ClaimRefusal | null];
    if (due !== null) nextDueInMs = due;
    else if (refusedId !== null && refusal !== null) refused.push({ id: refusedId, reason: refusal });
    else {
      executions.push(toClaimed(row, from + claimedOffset, request));
      last = row;
    }
  }
  const hasWalked = start === undefined || executions.length === 0;
  const walkedAt = isUnlimited(request) ? (hasWalked ? now : start.walkedAt) : Number.NEGATIVE_INFINITY;
  return {
    report: { executions, refused, ...(nextDueInMs !== undefined && { nextDueInMs }) },
    ...(!hasWalked && executions.length < request.limit && { againInMs: Math.max(0, walkEveryMs + walkedAt - now) }),
    turn: last === undefined ? turn && { ...turn, walkedAt } : { ...toTurn(last, from + claimedOffset, start), walkedAt },
  };
}

function toTurn(row: Row, from: number, start: ClaimTurn | undefined): Omit<ClaimTurn, "walkedAt"> {
  const at = (name: string) => row[from + claimedNames.indexOf(name)];
  const [lane, rank, group, position] = ["lane", "rank", "group", "position"].map(at) as [number, number, string, number];
  const key = machineKey(at("machineId") as string, (at("machineVersion") as string | null) ?? undefined);
  const isSameBucket = start?.lane === lane && start.rank === rank && start.machineKey === key && start.group === group;
  // What had been given back says nothing about the others.
  return { lane, rank, machineKey: key, group, position: isSameBucket ? Math.max(position, start.position) : position };
}

/** What few have. */
interface More extends Partial<Pick<ClaimedExecution, "idempotencyKey" | "cancelRequestedAt" | "progress" | "error" | "settings">> {
  readonly reason?: string;
  readonly abandoned?: number;
  readonly lastSignal: number;
  readonly consumedSignal: number;
  readonly tags: readonly string[];
}

/** In the order of `claimedNames`. */
function toClaimed(row: Row, from: number, { name, owner }: ClaimRequest): ClaimedExecution {
  let at = from;
  const next = () => row[at++];
  const text = () => next() as string;
  const number = () => next() as number;
  const id = text();
  const sequence = number();
  at += 1; // lane
  const rank = number();
  const group = text();
  at += 1; // position
  const execution: Writable<ClaimedExecution> = {
    name,
    id,
    sequence,
    status: "running",
    parked: false,
    priority: rank === 0 ? 0 : -rank,
    tags: [],
    attempt: number(),
    maxAttempts: number(),
    takeovers: number(),
    maxTakeovers: number(),
    fence: number(),
    owner,
    leaseExpiresAt: number(),
    queuedAt: number(),
    startedAt: number(),
    lastSignal: 0,
    consumedSignal: 0,
    machineId: "",
    input: "",
  };
  if (group !== "") execution.group = group;
  const timeoutMs = next();
  if (timeoutMs !== null) execution.timeoutMs = timeoutMs as number;
  execution.machineId = text();
  const machineVersion = next();
  if (machineVersion !== null) execution.machineVersion = machineVersion as string;
  execution.input = text();
  const retry = next();
  if (retry !== null) execution.retry = retry as string;
  const trace = next();
  if (trace !== null) execution.trace = trace as string;
  const revision = number();
  const body = next();
  if (body !== null) execution.checkpoint = { revision, body: body as string };
  const more = next();
  if (more !== null) Object.assign(execution, toMore(JSON.parse(more as string)));
  return execution;
}

function toMore(found: { readonly [Name in keyof More]: More[Name] | null }): Partial<ClaimedExecution> {
  const present = Object.fromEntries(Object.entries(found).filter(([, value]) => value !== null)) as unknown as More;
  const { reason, abandoned, ...more } = present;
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

const endedAs = { complete: "completed", fail: "failed", cancel: "cancelled", retry: "queued", release: "queued" } as const;

/** The first row tells when those have ended of which no other one tells. */
function toSettleReports([ended, ...others]: readonly Row[], settlements: readonly Settlement[]): SettleReport[] {
  const endedAt = ended?.[1] as number;
  const reports = settlements.map(
    ({ outcome }): SettleReport => ({ settled: true, status: endedAs[outcome.type], at: endedAt, repeated: false }),
  );
  for (const [ord, at, , outcome, refusal] of others) {
    reports[(ord as number) - 1] =
      refusal === null || refusal === "repeated"
        ? { settled: true, status: outcome as "queued", at: at as number, repeated: refusal !== null }
        : { settled: false, reason: refusal as LeaseRefusal };
  }
  return reports;
}
