import { StoreUnavailableError } from "../../model/store-errors.ts";
import { machineKey, type NewExecution, unstorablePart } from "../../model/stored-execution.ts";
import type { InsertReport, InsertRequest } from "../../ports/store-insert.ts";
import { DocumentDecisions } from "./document-decisions.ts";
import { spaceOf } from "./document-keys.ts";
import { type DocumentRecord, startedRecord } from "./document-record.ts";
import type { DocumentRows, LoadedRecord } from "./document-rows.ts";
import { inParallel } from "./in-parallel.ts";

/** Why a text is not kept; undefined when it is. */
export type PayloadCheck = (text: string | undefined) => string | undefined;

interface Start {
  readonly execution: NewExecution;
  readonly position: number;
  readonly now: number;
}

/** How often a batch is begun again because others came across its records before it was decided. */
const maxBatchTries = 8;
/** They are part of the record itself, which has to fit into one document. */
const maxTagsLength = 50_000;

/** Starts: one document each, or several that are decided about by one. */
export class DocumentInserts {
  readonly #rows: DocumentRows;
  readonly #decisions: DocumentDecisions;
  readonly #atOnce: number;
  readonly #refusal: PayloadCheck;

  constructor(rows: DocumentRows, atOnce: number, refusal: PayloadCheck) {
    this.#rows = rows;
    this.#decisions = new DocumentDecisions(rows);
    this.#atOnce = atOnce;
    this.#refusal = refusal;
  }

  async insert({ name, executions, atomic, maxQueued }: InsertRequest): Promise<readonly InsertReport[]> {
    const { clock, positions, table, machines } = this.#rows;
    const now = clock.now();
    const starts = executions.map((execution): Start => ({ execution, position: positions.next(), now }));
    await machines.add(
      name,
      executions.map(({ machineId, machineVersion }) => machineKey(machineId, machineVersion)),
    );
    const queued =
      maxQueued === undefined
        ? 0
        : await table.count(spaceOf(name), { index: "status", group: "queued", atMost: maxQueued + executions.length });
    const room = maxQueued === undefined ? Number.POSITIVE_INFINITY : maxQueued - queued;
    return atomic && executions.length > 1 ? this.#insertBatch(name, starts, room, queued) : this.#insertEach(name, starts, room, queued);
  }

  async #insertEach(name: string, starts: readonly Start[], room: number, queued: number): Promise<InsertReport[]> {
    const reports = new Map<Start, InsertReport>();
    let added = 0;
    for (const wave of waves(starts)) {
      for (let from = 0; from < wave.length; ) {
        const left = room - added;
        const some = left > 0 ? wave.slice(from, from + Math.min(left, wave.length)) : wave.slice(from);
        from += some.length;
        await inParallel(some, this.#atOnce, async (start) => {
          const report =
            left > 0 ? await this.#insertOne(name, start) : (this.#unstorable(start.execution) ?? (await this.#existing(name, start)));
          reports.set(start, report ?? { inserted: false, reason: "full", queued: queued + added });
          if (report?.inserted && !report.repeated) added += 1;
        });
      }
    }
    return starts.map((start) => reports.get(start) as InsertReport);
  }

  async #insertOne(name: string, start: Start): Promise<InsertReport> {
    const { execution, position, now } = start;
    const refusal = this.#unstorable(execution);
    if (refusal !== undefined) return refusal;
    const hasKey = execution.idempotencyKey !== undefined;
    for (let tries = 1; ; tries++) {
      if (hasKey || tries > 1) {
        const report = await this.#existing(name, start);
        if (report !== undefined) return report;
      }
      const record = startedRecord(name, execution, position, now, hasKey ? {} : undefined);
      if (await this.#rows.write(name, record, undefined)) {
        if (!hasKey) return inserted(record, false);
        const report = await this.#bind(name, record);
        if (report !== undefined) return report;
      }
      await this.#rows.pause(tries, `execution ${JSON.stringify(execution.id)}`);
    }
  }

  /** Gives the pending record its key, and makes it an execution by that; undefined when it is to be tried again. */
  async #bind(name: string, record: DocumentRecord): Promise<InsertReport | undefined> {
    const key = record.idempotencyKey as string;
    const found = await this.#decisions.ownerOf(name, key);
    const isMine =
      "owner" in found ? isSameStart(found.owner.record, record) : await this.#decisions.takeKey(name, key, record, found.free);
    const [loaded] = await this.#rows.load(name, [record.id], "facts");
    if (loaded === undefined || !isSameStart(loaded.record, record)) return undefined;
    if (loaded.record.pending === undefined) return inserted(record, false);
    if (isMine) return (await this.#decisions.show(name, loaded)) ? inserted(record, false) : undefined;
    await this.#rows.discard(name, loaded);
    return undefined;
  }

  /** What its key or its id stands for already; undefined when it is to be written. Whatever is pending there is decided about first. */
  async #existing(name: string, { execution }: Start, batch?: string): Promise<InsertReport | undefined> {
    for (let tries = 1; ; tries++) {
      const { id, idempotencyKey } = execution;
      const found = idempotencyKey === undefined ? undefined : await this.#decisions.ownerOf(name, idempotencyKey);
      const byKey = found !== undefined && "owner" in found ? found.owner : undefined;
      const loaded = byKey ?? (await this.#rows.load(name, [id], "facts"))[0];
      if (loaded === undefined) return undefined;
      const { record } = loaded;
      if (record.pending === undefined || (batch !== undefined && record.pending.batch === batch))
        return existingReport(record, execution, byKey !== undefined);
      await this.#decisions.resolve(name, loaded);
      await this.#rows.pause(tries, `execution ${JSON.stringify(id)}`);
    }
  }

  async #insertBatch(name: string, starts: readonly Start[], room: number, queued: number): Promise<InsertReport[]> {
    for (let tries = 1; tries <= maxBatchTries; tries++) {
      const batch = this.#rows.version();
      const placed = new Map<Start, LoadedRecord>();
      const reports = await this.#place(name, starts, batch, placed);
      let left = room;
      for (const [index, start] of starts.entries()) {
        if (!placed.has(start)) continue;
        if (left <= 0) reports[index] = { inserted: false, reason: "full", queued: queued + placed.size };
        left -= 1;
      }
      const isRefused = reports.some((report) => !report.inserted && report.reason !== "existing");
      if (!isRefused && placed.size === 0) return reports;
      if (!isRefused && (await this.#decisions.decide(name, batch, "commit")) === "commit") {
        await inParallel([...placed.values()], this.#atOnce, (loaded) => this.#decisions.show(name, loaded));
        await this.#decisions.forget(name, batch);
        return reports;
      }
      await this.#takeBack(name, placed);
      await this.#decisions.forget(name, batch);
      if (isRefused) return reports.map((report) => (report.inserted ? { inserted: false, reason: "atomic" } : report));
      await this.#rows.pause(tries, "a batch of starts");
    }
    throw new StoreUnavailableError(`${this.#rows.table.where}: a batch of starts meets too many others that use its ids or keys`);
  }

  /** Writes what it can as pending. */
  async #place(name: string, starts: readonly Start[], batch: string, placed: Map<Start, LoadedRecord>): Promise<InsertReport[]> {
    const reports = new Map<Start, InsertReport>();
    for (const wave of waves(starts))
      await inParallel(wave, this.#atOnce, async (start) => void reports.set(start, await this.#placeOne(name, start, batch, placed)));
    return starts.map((start) => reports.get(start) as InsertReport);
  }

  async #placeOne(name: string, start: Start, batch: string, placed: Map<Start, LoadedRecord>): Promise<InsertReport> {
    const { execution, position, now } = start;
    const refusal = this.#unstorable(execution);
    if (refusal !== undefined) return refusal;
    for (let tries = 1; ; tries++) {
      if (execution.idempotencyKey !== undefined || tries > 1) {
        const report = await this.#existing(name, start, batch);
        if (report !== undefined) return report;
      }
      if (await this.#rows.write(name, startedRecord(name, execution, position, now, { batch }), undefined)) {
        const [loaded] = await this.#rows.load(name, [execution.id], "facts");
        if (loaded?.record.pending?.batch === batch) {
          placed.set(start, loaded);
          const key = execution.idempotencyKey;
          if (key === undefined || (await this.#takeKey(name, key, loaded.record))) return inserted(loaded.record, false);
          await this.#rows.discard(name, loaded);
          placed.delete(start);
        }
      }
      await this.#rows.pause(tries, `execution ${JSON.stringify(execution.id)}`);
    }
  }

  async #takeKey(name: string, key: string, record: DocumentRecord): Promise<boolean> {
    const found = await this.#decisions.ownerOf(name, key);
    if ("owner" in found) return isSameStart(found.owner.record, record);
    return this.#decisions.takeKey(name, key, record, found.free);
  }

  /** A batch that is not to be leaves nothing: neither records nor keys that stand for them. */
  async #takeBack(name: string, placed: ReadonlyMap<Start, LoadedRecord>): Promise<void> {
    await inParallel([...placed.values()], this.#atOnce, async (loaded) => {
      const { record } = loaded;
      if (record.idempotencyKey !== null) await this.#decisions.freeKey(name, record.idempotencyKey, record);
      await this.#rows.discard(name, loaded);
    });
  }

  #unstorable(execution: NewExecution): InsertReport | undefined {
    const refused = (detail: string): InsertReport => ({ inserted: false, reason: "unstorable", detail });
    const part = unstorablePart(execution);
    if (part !== undefined) return refused(part);
    if (execution.tags.join("").length > maxTagsLength) return refused(`tags are longer than ${maxTagsLength} together`);
    for (const field of ["input", "settings", "retry", "trace"] as const) {
      const detail = this.#refusal(execution[field]);
      if (detail !== undefined) return refused(`${field} ${detail}`);
    }
    return undefined;
  }
}

/** What has the id or the key of an earlier one comes after it. */
function waves(starts: readonly Start[]): Start[][] {
  const seen = new Set<string>();
  const found: Start[][] = [[]];
  for (const start of starts) {
    const { id, idempotencyKey } = start.execution;
    const names = [`id ${id}`, ...(idempotencyKey === undefined ? [] : [`key ${idempotencyKey}`])];
    if (names.some((name) => seen.has(name))) {
      seen.clear();
      found.push([]);
    }
    for (const name of names) seen.add(name);
    found.at(-1)?.push(start);
  }
  return found;
}

function isSameStart(a: DocumentRecord, b: DocumentRecord): boolean {
  return a.id === b.id && a.startToken === b.startToken;
}

function inserted({ id, queuedAt }: DocumentRecord, repeated: boolean): InsertReport {
  return { inserted: true, id, queuedAt, repeated };
}

function existingReport(existing: DocumentRecord, execution: NewExecution, byKey: boolean): InsertReport {
  const { id, startToken, inputHash } = existing;
  if (startToken === execution.startToken) return inserted(existing, true);
  if (!byKey) return { inserted: false, reason: "duplicate", existingId: id };
  return { inserted: false, reason: inputHash === (execution.inputHash ?? null) ? "existing" : "conflict", existingId: id };
}
