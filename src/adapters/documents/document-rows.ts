import { StoreUnavailableError } from "../../model/store-errors.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RecordEvent } from "../records/record-space.ts";
import { countIn, type EventPage, eventPart, toEventPages } from "./document-events.ts";
import { executionKey, executionOwner, spaceOf } from "./document-keys.ts";
import { DocumentMachines } from "./document-machines.ts";
import { pieceKeys, toPieces } from "./document-pieces.ts";
import {
  type Body,
  type Depth,
  type DocumentRecord,
  type PieceRef,
  parseRecord,
  placesOf,
  recordData,
  setBody,
} from "./document-record.ts";
import { DocumentSpace } from "./document-space.ts";
import type { DocumentTable, NewDocument, StoredDocument } from "./document-table.ts";
import { PositionClock } from "./position-clock.ts";

/** A record with the document that it was read from. */
export interface LoadedRecord {
  readonly document: StoredDocument;
  readonly record: DocumentRecord;
}

/** So many writers in a row may be faster than this one before it pauses between its tries, and before it gives up. */
const triesWithoutPause = 10;
const maxTries = 40;
const longestPauseMs = 200;
/** Dropped events are removed many at a time. */
const eventsPerClearing = 50;

/** Reads and changes single executions: reads, lets the change be made, and writes it if nobody else has written since; else again. */
export class DocumentRows {
  readonly table: DocumentTable;
  readonly clock: Clock;
  readonly positions: PositionClock;
  readonly machines: DocumentMachines;
  readonly #writer = globalThis.crypto.randomUUID().slice(0, 13);
  #writes = 0;
  /** The last of the calls that wait for an execution: those of one process need not disturb each other. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(table: DocumentTable, clock: Clock) {
    this.table = table;
    this.clock = clock;
    this.positions = new PositionClock(() => clock.now());
    this.machines = new DocumentMachines({ table, version: this.version, pause: (tries, what) => this.pause(tries, what) });
  }

  /** Never used before, by nobody. */
  version = (): string => {
    this.#writes += 1;
    return `${this.#writer}-${this.#writes.toString(36)}`;
  };

  /** What is stored now, executions that are still to be decided included. */
  async load(name: string, ids: readonly string[], depth: Depth): Promise<(LoadedRecord | undefined)[]> {
    const space = spaceOf(name);
    const found = await this.table.get(space, ids.map(executionKey));
    return this.#complete(name, found, depth, (index) => ids[index] as string);
  }

  /** The same by the owners that indexes name. */
  async loadOwners(name: string, owners: readonly string[], depth: Depth): Promise<(LoadedRecord | undefined)[]> {
    const { part } = executionKey("");
    const found = await this.table.get(
      spaceOf(name),
      owners.map((owner) => ({ owner, part })),
    );
    return this.#complete(name, found, depth);
  }

  async #complete(
    name: string,
    documents: readonly (StoredDocument | undefined)[],
    depth: Depth,
    idAt?: (index: number) => string,
  ): Promise<(LoadedRecord | undefined)[]> {
    const space = spaceOf(name);
    const loaded = documents.map((document) => document && { document, ...parseRecord(name, document.data, depth) });
    const keys = loaded.flatMap((each) => each?.missing.flatMap(([, ref]) => pieceKeys(each.document.owner, ref)) ?? []);
    if (keys.length > 0) {
      const pieces = (await this.table.get(space, keys))[Symbol.iterator]();
      for (const [index, each] of loaded.entries()) {
        if (each === undefined) continue;
        let isTorn = false;
        for (const [field, { pieces: count }] of each.missing) {
          const texts = Array.from({ length: count }, () => pieces.next().value?.data);
          if (texts.includes(undefined)) isTorn = true;
          else setBody(each.record, field, texts.join(""));
        }
        // Somebody has written meanwhile, and removed what was written before; or is removing all of it.
        if (isTorn) loaded[index] = await this.#loadAgain(name, each.document, depth);
      }
    }
    for (const [index, each] of loaded.entries()) {
      if (each === undefined) continue;
      this.positions.saw(each.record.position);
      // Two ids with the same hash: nobody will ever see that, but it would be a mess.
      if (idAt !== undefined && each.record.id !== idAt(index))
        throw new StoreUnavailableError(`${this.table.where}: two ids have one key`);
    }
    return loaded;
  }

  async #loadAgain(
    name: string,
    before: StoredDocument,
    depth: Depth,
  ): Promise<(LoadedRecord & { missing: [never, PieceRef][] }) | undefined> {
    const [document] = await this.table.get(spaceOf(name), [before]);
    if (document === undefined || document.version === before.version) return undefined;
    const [again] = await this.#complete(name, [document], depth);
    return again && { ...again, missing: [] };
  }

  /**
   * Runs `work` on what is stored and writes what it changed; again when somebody else wrote in between, so it must have no other effects.
   * `guess` is what was read a moment ago.
   */
  change<Result>(
    name: string,
    id: string,
    depth: Depth,
    guess: LoadedRecord | undefined | "unknown",
    work: (space: DocumentSpace, now: number) => Result,
  ): Promise<Result> {
    return this.inTurn(`${name}\0${id}`, async () => {
      let loaded = guess === "unknown" ? (await this.load(name, [id], depth))[0] : guess;
      for (let tries = 1; ; tries++) {
        const record = loaded?.record.pending === undefined ? loaded?.record : undefined;
        const before = { refs: [...(record?.refs.values() ?? [])], dropped: record?.events.dropped ?? 0 };
        const space = new DocumentSpace(record, () => this.positions.next());
        const result = work(space, this.clock.now());
        if (loaded === undefined || record === undefined || !space.isChanged) return result;
        const written = await this.#writeEvents(name, record, space.newEvents);
        if (written === "written") {
          if (await this.write(name, record, loaded.document)) {
            await this.#tidy(name, record, before);
            return result;
          }
        }
        await this.pause(tries, `execution ${JSON.stringify(id)}`);
        if (typeof written !== "string") await this.#help(name, id, written);
        loaded = (await this.load(name, [id], depth))[0];
      }
    });
  }

  /** Calls of this process with the same key, one after the other. */
  async inTurn<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const earlier = this.#turns.get(key);
    const mine = (async () => {
      await earlier?.catch(() => {});
      return work();
    })();
    this.#turns.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(key) === mine) this.#turns.delete(key);
    }
  }

  /** Before another try. */
  async pause(tries: number, what: string): Promise<void> {
    if (tries >= maxTries) throw new StoreUnavailableError(`${this.table.where}: ${what} is written by too many others at once`);
    if (tries < triesWithoutPause) return;
    const chance = (globalThis.crypto.getRandomValues(new Uint8Array(1))[0] as number) / 256;
    const delayMs = Math.min(longestPauseMs, 5 * 2 ** (tries - triesWithoutPause)) * (0.5 + chance);
    await new Promise<void>((resolve) => this.clock.setTimeout(resolve, delayMs));
  }

  /** Writes the record in place of what was read; false when somebody else was faster. */
  async write(name: string, record: DocumentRecord, previous: StoredDocument | undefined): Promise<boolean> {
    const space = spaceOf(name);
    const owner = executionOwner(record.id);
    await this.machines.add(name, [record.machineKey]);
    const pieces: NewDocument[] = [];
    const refs: [Parameters<typeof record.refs.set>[0], PieceRef][] = [];
    const data = recordData(record, (field, text): Body => {
      const { body, documents } = toPieces(owner, this.version(), text, this.table.inlineLength);
      pieces.push(...documents);
      if (typeof body !== "string") refs.push([field, body]);
      return body;
    });
    if (pieces.length > 0) await this.table.set(space, pieces);
    const next: NewDocument = { ...executionKey(record.id), version: this.version(), data, places: placesOf(record) };
    const isWritten = await this.table.put(space, next, previous);
    // A client that repeats a write by itself, because the answer was lost, is told that somebody else was faster: it was itself.
    const [stored] = isWritten ? [next] : await this.table.get(space, [next]);
    if (stored?.version === next.version) {
      for (const [field, ref] of refs) record.refs.set(field, ref);
      return true;
    }
    // And whoever wrote since has kept what was written outside.
    const unused = pieces.filter(({ version: ref }) => stored === undefined || !stored.data.includes(ref));
    if (unused.length > 0) await this.table.drop(space, unused);
    return false;
  }

  /** Removes a record that never became an execution, with what of it lies outside; not if somebody has written since. */
  async discard(name: string, { record, document }: LoadedRecord): Promise<void> {
    const space = spaceOf(name);
    if (!(await this.table.remove(space, document))) return;
    const pieces = [...record.refs.values()].flatMap((ref) => pieceKeys(document.owner, ref));
    if (pieces.length > 0) await this.table.drop(space, pieces);
  }

  /** Removes what is no part of the record any more. What this leaves behind when it fails goes with the execution. */
  async #tidy(name: string, record: DocumentRecord, before: { refs: readonly PieceRef[]; dropped: number }): Promise<void> {
    const owner = executionOwner(record.id);
    const kept = new Set([...record.refs.values()].map(({ ref }) => ref));
    const gone = before.refs.filter(({ ref }) => !kept.has(ref)).flatMap((ref) => pieceKeys(owner, ref));
    if (gone.length > 0) await this.table.drop(spaceOf(name), gone).catch(() => {});
    const rounds = (dropped: number) => Math.floor(dropped / eventsPerClearing);
    if (rounds(record.events.dropped) > rounds(before.dropped)) await this.#clearEvents(name, record).catch(() => {});
  }

  async #writeEvents(name: string, record: DocumentRecord, events: readonly RecordEvent[]): Promise<"written" | "again" | EventPage> {
    if (events.length === 0) return "written";
    const space = spaceOf(name);
    const { pages, pieces } = toEventPages(record, executionOwner(record.id), events, this.version);
    if (pieces.length > 0) await this.table.set(space, pieces);
    for (const page of pages) {
      if (await this.table.put(space, page, undefined)) continue;
      const [stored] = await this.table.get(space, [page]);
      if (stored?.version === page.version) continue;
      return stored === undefined ? "again" : (JSON.parse(stored.data) as EventPage);
    }
    return "written";
  }

  /** Somebody has written events, and has not counted them in: it died, or is about to. */
  async #help(name: string, id: string, page: EventPage): Promise<void> {
    const [loaded] = await this.load(name, [id], "facts");
    if (loaded === undefined || loaded.record.lastEvent !== (page.events[0]?.sequence as number) - 1) return;
    countIn(loaded.record, page);
    await this.write(name, loaded.record, loaded.document);
  }

  async #clearEvents(name: string, record: DocumentRecord): Promise<void> {
    const owner = executionOwner(record.id);
    const { dropped } = record.events;
    const pages = await this.table.parts(spaceOf(name), owner, eventPart(record, 0), eventPart(record, dropped + 1), 4 * eventsPerClearing);
    const gone = pages.map((page) => ({ page, ...(JSON.parse(page.data) as EventPage) })).filter(({ last }) => last <= dropped);
    const pieces = gone.flatMap(({ events }) => events.flatMap(({ body }) => (typeof body === "string" ? [] : pieceKeys(owner, body))));
    await this.table.drop(spaceOf(name), [...pieces, ...gone.map(({ page }) => page)]);
  }
}
