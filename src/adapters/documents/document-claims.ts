import type { ClaimedExecution, ClaimReport, ClaimRequest, SweepReport, SweepRequest } from "../../ports/store-claim.ts";
import { toStored } from "../records/record-row.ts";
import type { DocumentCalls } from "./document-calls.ts";
import { DocumentDecisions } from "./document-decisions.ts";
import { numberOf, orderedNumber, readyGroup, readySinceOf, spaceOf } from "./document-keys.ts";
import type { Depth } from "./document-record.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";
import type { FoundPlace } from "./document-table.ts";
import { inParallel } from "./in-parallel.ts";

/** How many claims are remembered, in case they are repeated: by the process that made them, since nobody else knows their ids. */
const maxClaims = 1_000;
/** What becomes due is made claimable by claims, so many at a time, and the rest by sweeps. */
const maxDue = 100;
/** A claim that always comes too late gives up after so many looks. */
const maxLooks = 20;
/** A start that is undecided for so long has lost its process. */
const undecidedMs = 60_000;
const overduePage = 1_000;
const maxOverduePages = 20;

/** What a claim reached for; when it failed, nobody knows what of that it got. */
interface Claim {
  readonly wanted: Set<string>;
  hasFailed: boolean;
}

/** What looks for executions by their phase instead of by their ids. */
export class DocumentClaims {
  readonly #rows: DocumentRows;
  readonly #calls: DocumentCalls;
  readonly #claims = new Map<string, Claim>();

  constructor(rows: DocumentRows, calls: DocumentCalls) {
    this.#rows = rows;
    this.#calls = calls;
  }

  async claim(request: ClaimRequest): Promise<ClaimReport> {
    const { name, claimId } = request;
    const earlier = this.#claims.get(claimId);
    if (earlier !== undefined) {
      const executions = await this.#recall(name, claimId, earlier.wanted);
      if (executions.length > 0 || !earlier.hasFailed) return { executions, refused: [] };
    }
    const claim: Claim = { wanted: new Set(), hasFailed: false };
    this.#claims.set(claimId, claim);
    const [oldest] = this.#claims.keys();
    if (this.#claims.size > maxClaims && oldest !== undefined) this.#claims.delete(oldest);
    try {
      return await this.#claim(request, claim.wanted);
    } catch (error) {
      claim.hasFailed = true;
      throw error;
    }
  }

  async #claim(request: ClaimRequest, wanted: Set<string>): Promise<ClaimReport> {
    const { name, ids, limit } = request;
    if (ids !== undefined) {
      const unique = [...new Set(ids)].map((id) => ({ id }));
      for (const { id } of unique) wanted.add(id);
      const reports = await this.#calls.each(name, unique, "whole", async (methods, [{ id }]) => [
        await methods.claim({ ...request, ids: [id] }),
      ]);
      return { executions: reports.flatMap(({ executions }) => executions), refused: reports.flatMap(({ refused }) => refused) };
    }
    const groups = (await this.#rows.machines.runBy(request)).map(readyGroup);
    const due = this.#promoteDue(name, maxDue);
    let page = await this.#ready(name, groups, limit);
    const { count, nextDueInMs } = await due;
    if (count > 0) page = await this.#ready(name, groups, limit);
    const executions: ClaimedExecution[] = [];
    for (let looks = 1; page.found.length > 0; looks++) {
      executions.push(...(await this.#take(request, page.found, wanted)));
      const left = limit - executions.length;
      if (left === 0 || page.found.length < page.limit || looks === maxLooks) break;
      // Others were faster, or the index was behind.
      page = await this.#ready(name, groups, left, page.found.at(-1)?.at);
    }
    return { executions, refused: [], ...(executions.length < limit && nextDueInMs !== undefined && { nextDueInMs }) };
  }

  async #recall(name: string, claimId: string, ids: ReadonlySet<string>): Promise<ClaimedExecution[]> {
    const loaded = await this.#rows.load(name, [...ids], "whole");
    const held = loaded.filter((each) => each?.record.claimId === claimId && each.record.phase === "leased");
    return held.map((each) => toStored((each as LoadedRecord).record) as ClaimedExecution);
  }

  /** The first that are claimable, in the order of claims. */
  async #ready(name: string, groups: readonly string[], limit: number, after?: string): Promise<{ found: FoundPlace[]; limit: number }> {
    const range = { index: "work", limit, ...(after !== undefined && { after }) } as const;
    const pages = await Promise.all(groups.map((group) => this.#rows.table.find(spaceOf(name), { ...range, group })));
    return { found: pages.flat().sort(byPlace).slice(0, limit), limit };
  }

  async #take(request: ClaimRequest, places: readonly FoundPlace[], wanted: Set<string>): Promise<ClaimedExecution[]> {
    const loaded = await this.#load(request.name, places, "whole");
    for (const { record } of loaded) wanted.add(record.id);
    const reports = await this.#calls.eachLoaded(request.name, loaded, "whole", (methods, id) => methods.claim({ ...request, ids: [id] }));
    return reports.flatMap(({ executions }) => executions);
  }

  /** What indexes show and is there. */
  async #load(name: string, places: readonly FoundPlace[], depth: Depth): Promise<LoadedRecord[]> {
    const owners = places.map(({ owner }) => owner);
    return (await this.#rows.loadOwners(name, owners, depth)).filter((each) => each !== undefined);
  }

  /** Makes claimable what is due, and tells when the next one will be. */
  async #promoteDue(name: string, limit: number): Promise<{ count: number; nextDueInMs?: number }> {
    const now = this.#rows.clock.now();
    const places = await this.#rows.table.find(spaceOf(name), { index: "work", group: "due", limit });
    const due = places.filter(({ at }) => numberOf(at) <= now);
    const next = places[due.length];
    const reports = await this.#sweepEach(name, due);
    const count = reports.reduce((sum, report) => sum + report.due, 0);
    const nextAt = next === undefined ? undefined : numberOf(next.at);
    if (nextAt === undefined && places.length < limit) return { count };
    return { count, nextDueInMs: nextAt === undefined ? 0 : Math.max(0, nextAt - now) };
  }

  async #sweepEach(name: string, places: readonly FoundPlace[]): Promise<SweepReport[]> {
    const loaded = await this.#load(name, places, "facts");
    return this.#calls.eachLoaded(name, loaded, "facts", (methods) => methods.sweep({ name, limit: 1 }));
  }

  async sweep({ name, limit = 1_000 }: SweepRequest): Promise<SweepReport> {
    const { table, clock } = this.#rows;
    const now = clock.now();
    const space = spaceOf(name);
    const [{ count }, expired, undecided] = await Promise.all([
      this.#promoteDue(name, limit),
      table.find(space, { index: "work", group: "leased", before: orderedNumber(Math.floor(now) + 1), limit }),
      table.find(space, { index: "work", group: "pending", before: orderedNumber(now - undecidedMs), limit: 100 }),
    ]);
    await this.#decideAbout(name, undecided);
    const reports = await this.#sweepEach(name, expired);
    const next = (await table.find(space, { index: "work", group: "leased", after: orderedNumber(Math.floor(now) + 1), limit: 1 }))[0];
    return {
      takenOver: reports.flatMap(({ takenOver }) => takenOver),
      lost: reports.flatMap(({ lost }) => lost),
      cancelled: reports.flatMap(({ cancelled }) => cancelled),
      due: count,
      ...(next !== undefined && { nextExpiryInMs: Math.max(0, numberOf(next.at) - now) }),
    };
  }

  async #decideAbout(name: string, places: readonly FoundPlace[]): Promise<void> {
    const decisions = new DocumentDecisions(this.#rows);
    await inParallel(await this.#load(name, places, "facts"), 10, (each) => decisions.resolve(name, each));
  }

  async findOverdue({ name, waitingMs, limit }: { name: string; waitingMs: number; limit: number }): Promise<readonly string[]> {
    const before = this.#rows.clock.now() - waitingMs;
    const found: FoundPlace[] = [];
    for (const key of await this.#rows.machines.all(name)) {
      let after: string | undefined;
      for (let pages = 0, overdue = 0; pages < maxOverduePages && overdue < limit; pages++) {
        const range = { index: "work", group: readyGroup(key), limit: overduePage } as const;
        const page = await this.#rows.table.find(spaceOf(name), { ...range, ...(after !== undefined && { after }) });
        const old = page.filter(({ at }) => readySinceOf(at) <= before);
        found.push(...old);
        overdue += old.length;
        after = page.at(-1)?.at;
        if (page.length < overduePage) break;
      }
    }
    const oldest = found.sort((a, b) => readySinceOf(a.at) - readySinceOf(b.at) || byPlace(a, b)).slice(0, limit);
    const loaded = await this.#load(name, oldest, "facts");
    return loaded.flatMap(({ record }) => (record.phase === "ready" ? [record.id] : []));
  }
}

function byPlace(a: FoundPlace, b: FoundPlace): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}
