import { machineKey, type StoredExecution } from "../../model/stored-execution.ts";
import type { ClaimedExecution, ClaimRefusal, ClaimReport, ClaimRequest } from "../../ports/store-claim.ts";
import type { Settlement, SettleReport, SettleRequest } from "../../ports/store-settle.ts";
import { countText, flag, isTooLarge, milliseconds, signed } from "./redis-arguments.ts";
import { type RecordParts, toExecution } from "./redis-row.ts";
import type { RedisTarget } from "./redis-store-writes.ts";

/** A claim is remembered as long as its lease lasts, within these bounds: later, nobody who lost its answer holds what it took. */
const [minMemoryMs, maxMemoryMs] = [10_000, 600_000];
/** How many groups' limits a claim brings along. */
const maxKnownGroups = 256;
/** How often a claim is sent again with limits that were missing. */
const maxRounds = 4;

type ClaimAnswer = readonly [nextDueInMs: number, refused: Buffer[], unknownGroups: Buffer[], executions: RecordParts[]];

/** Groups that claims have met lately. What their limits are is asked anew each time. */
export class KnownGroups {
  readonly #groups = new Set<string>();

  add(group: string): void {
    this.#groups.delete(group);
    this.#groups.add(group);
    if (this.#groups.size <= maxKnownGroups) return;
    for (const oldest of this.#groups) {
      this.#groups.delete(oldest);
      return;
    }
  }

  limits(limitOf: (group: string) => number): (string | number)[] {
    return [...this.#groups].flatMap((group) => [group, countText(limitOf(group))]);
  }
}

export async function claimExecutions(target: RedisTarget, known: KnownGroups, request: ClaimRequest): Promise<ClaimReport> {
  const { connection, scripts } = target;
  const { name, groupLimit } = request;
  for (let round = 1; ; round++) {
    const limits = typeof groupLimit === "function" ? known.limits(groupLimit) : [];
    const args = claimArguments(request, limits, round === maxRounds);
    const answer = (await connection.run(scripts.claim, name, args, "bytes")) as ClaimAnswer;
    if (answer[2].length === 0) return toClaimReport(name, answer);
    for (const group of answer[2]) known.add(group.toString());
  }
}

function claimArguments(request: ClaimRequest, limits: readonly (string | number)[], isLast: boolean): (string | number)[] {
  const { owner, claimId, limit, leaseMs, machineId, versions, ids, groupLimit, rateLimit } = request;
  const keys = versions === "any" ? [] : [machineKey(machineId, undefined), ...versions.map((version) => machineKey(machineId, version))];
  const isUnlimited = groupLimit === undefined || groupLimit === Number.POSITIVE_INFINITY;
  return [
    owner,
    claimId,
    countText(limit),
    milliseconds(leaseMs),
    milliseconds(Math.min(maxMemoryMs, Math.max(minMemoryMs, leaseMs))),
    machineKey(machineId, ""),
    versions === "any" ? -1 : keys.length,
    ...keys,
    countText(rateLimit?.limit),
    rateLimit === undefined ? "" : milliseconds(rateLimit.intervalMs),
    isUnlimited ? "" : isLast ? "last" : "limited",
    typeof groupLimit === "number" ? countText(groupLimit) : "",
    limits.length / 2,
    ...limits,
    ids === undefined ? -1 : ids.length,
    ...(ids ?? []),
  ];
}

function toClaimReport(name: string, [nextDueInMs, refusals, , found]: ClaimAnswer): ClaimReport {
  const refused: { id: string; reason: ClaimRefusal }[] = [];
  for (let index = 0; index < refusals.length; index += 2)
    refused.push({ id: String(refusals[index]), reason: String(refusals[index + 1]) as ClaimRefusal });
  const executions = found.map((parts) => toExecution(name, String(parts[7]), parts) as StoredExecution as ClaimedExecution);
  return { executions, refused, ...(nextDueInMs >= 0 && { nextDueInMs }) };
}

type SettleAnswer = readonly (Buffer | string | number)[];

export async function settleLeases(target: RedisTarget, { name, owner, settlements }: SettleRequest): Promise<SettleReport[]> {
  const small = settlements.filter(isStorable);
  if (small.length === 0) return toSettleReports(settlements, []);
  const answer = (await target.connection.run(target.scripts.settle, name, settleArguments(owner, small))) as SettleAnswer;
  return toSettleReports(settlements, answer);
}

/** The settlements first: what they free may be claimed again. Not for claims whose groups' limits have to be asked for. */
export async function settleAndClaim(
  { connection, scripts }: RedisTarget,
  { name, owner, settlements }: SettleRequest,
  request: ClaimRequest,
): Promise<{ reports: SettleReport[]; report: ClaimReport }> {
  const args = [...settleArguments(owner, settlements.filter(isStorable)), ...claimArguments(request, [], false)];
  const [settled, claimed] = (await connection.run(scripts.settleAndClaim, name, args, "bytes")) as [SettleAnswer, ClaimAnswer];
  return { reports: toSettleReports(settlements, settled), report: toClaimReport(name, claimed) };
}

function isStorable({ outcome, progress }: Settlement): boolean {
  return !isTooLarge(progress, "result" in outcome ? outcome.result : undefined, "error" in outcome ? outcome.error : undefined);
}

function settleArguments(owner: string, settlements: readonly Settlement[]): (string | number)[] {
  const args: (string | number)[] = [owner, settlements.length];
  for (const { id, fence, outcome, progress = "" } of settlements) {
    const delayMs = "delayMs" in outcome && outcome.delayMs !== undefined ? milliseconds(outcome.delayMs) : 0;
    const isAbandoned = "abandoned" in outcome && outcome.abandoned === true;
    const isDropped = outcome.type === "retry" && outcome.checkpoint === "drop";
    args.push(id, fence, outcome.type, bodyOf(outcome), delayMs, flag(isAbandoned), flag(isDropped), progress);
  }
  return args;
}

function bodyOf(outcome: Settlement["outcome"]): string {
  switch (outcome.type) {
    case "complete":
      return outcome.result ?? "";
    case "fail":
    case "retry":
      return outcome.error;
    case "cancel":
      return signed(outcome.reason);
    case "release":
      return "";
  }
}

function toSettleReports(settlements: readonly Settlement[], answer: SettleAnswer): SettleReport[] {
  const completedAt = answer.length === 1 ? (answer[0] as number) : undefined;
  let next = 0;
  return settlements.map((settlement): SettleReport => {
    if (!isStorable(settlement)) return { settled: false, reason: "unstorable" };
    if (completedAt !== undefined) return { settled: true, status: "completed", at: completedAt, repeated: false };
    const [status, at, how] = [String(answer[next]), Number(answer[next + 1]), String(answer[next + 2])];
    next += 3;
    if (how === "refused") return { settled: false, reason: status as "unknown" };
    return { settled: true, status: status as "queued", at, repeated: how === "repeated" };
  });
}
