import type { Clock } from "../../ports/clock.ts";
import type { StoreNotice } from "../../ports/store-message.ts";
import type { StoreWatchers } from "../records/store-watchers.ts";
import { executionOwner, factKey, orderedNumber, spaceOf } from "./document-keys.ts";
import type { DocumentRows } from "./document-rows.ts";
import type { FoundPlace } from "./document-table.ts";

/** A process tells others at most so often that something changed. */
const tellGapMs = 100;
/** How far back a look for ends begins: indexes lag behind, and clocks differ. */
const overlapMs = 3_000;
const endsPerPage = 500;
/** Of more ends than that at once the rest are found by looking. */
const maxPages = 4;

type Fact = "work" | "control";

const factOf: Readonly<Record<StoreNotice["type"], Fact | undefined>> = {
  claimable: "work",
  cancelRequested: "control",
  signalled: "control",
  final: undefined,
  missed: undefined,
};

/**
 * How processes hear of each other where the service tells nothing: whoever changes something writes, at most ten times a second, a document
 * that says so and nothing else, and whoever watches reads that document regularly. Ends are looked up in the index, for who follows some.
 */
export class DocumentNotices {
  readonly #rows: DocumentRows;
  readonly #clock: Clock;
  readonly #watchers: StoreWatchers;
  readonly #delayMs: number;
  readonly #told = new Map<string, { at: number; timer?: unknown }>();
  readonly #seen = new Map<string, string | undefined>();
  readonly #underWay = new Set<Promise<unknown>>();
  #lookedAt = 0;
  #timer: unknown;
  #isClosed = false;

  constructor(rows: DocumentRows, watchers: StoreWatchers, delayMs: number) {
    this.#rows = rows;
    this.#clock = rows.clock;
    this.#watchers = watchers;
    this.#delayMs = delayMs;
  }

  /** Something was written: watchers of this process hear of it now, others soon. */
  tell(name: string, notice: StoreNotice): void {
    this.#watchers.tell(name, notice);
    const fact = factOf[notice.type];
    if (fact !== undefined) this.#tellOthers(name, fact);
  }

  #tellOthers(name: string, fact: Fact): void {
    const told = this.#told.get(`${fact} ${name}`) ?? { at: Number.NEGATIVE_INFINITY };
    this.#told.set(`${fact} ${name}`, told);
    if (told.timer !== undefined || this.#isClosed) return;
    const write = () => {
      told.timer = undefined;
      told.at = this.#clock.monotonicNow();
      const version = this.#rows.version();
      this.#follow(this.#rows.table.set(spaceOf(name), [{ ...factKey(fact), version, data: "", places: {} }]));
    };
    const waitMs = told.at + tellGapMs - this.#clock.monotonicNow();
    if (waitMs <= 0) write();
    else told.timer = this.#clock.setTimeout(write, waitMs, true);
  }

  /** What is written from now on is told. */
  async start(): Promise<void> {
    if (this.#isClosed) return;
    await this.#readFacts();
    if (this.#timer !== undefined) return;
    this.#lookedAt = this.#clock.now();
    this.#arm();
  }

  #arm(): void {
    this.#timer = this.#clock.setTimeout(() => this.#follow(this.#look()), this.#delayMs, true);
  }

  async #look(): Promise<void> {
    try {
      if (this.#watchers.size === 0) return;
      const since = this.#lookedAt - overlapMs;
      const now = this.#clock.now();
      for (const [name, fact] of await this.#readFacts()) {
        if (fact === "work") this.#watchers.tell(name, { type: "claimable" });
        else this.#watchers.tell(name, { type: "missed" });
      }
      for (const name of this.#watchers.namesFollowed()) await this.#tellEnds(name, since);
      this.#lookedAt = now;
    } catch {
      // The service is away, as whoever uses it is told. The next look that succeeds finds what has changed meanwhile.
    } finally {
      if (!this.#isClosed) this.#arm();
    }
  }

  async #tellEnds(name: string, since: number): Promise<void> {
    const followed = new Map([...this.#watchers.followedOf(name)].map((id) => [executionOwner(id), id]));
    for (let after = orderedNumber(since), pages = 1; pages <= maxPages; pages++) {
      const places = await this.#rows.table.find(spaceOf(name), { index: "work", group: "final", after, limit: endsPerPage });
      const ids = places.flatMap(({ owner }) => followed.get(owner) ?? []);
      if (ids.length > 0) this.#watchers.tell(name, { type: "final", ids });
      if (places.length < endsPerPage) return;
      after = (places.at(-1) as FoundPlace).at;
    }
  }

  /** Which have changed since they were read last. */
  async #readFacts(): Promise<[string, Fact][]> {
    const changed: [string, Fact][] = [];
    for (const name of this.#watchers.names()) {
      const facts: readonly Fact[] = ["work", "control"];
      const stored = await this.#rows.table.get(spaceOf(name), facts.map(factKey));
      for (const [index, fact] of facts.entries()) {
        const key = `${fact} ${name}`;
        const version = stored[index]?.version;
        if (this.#seen.has(key) && this.#seen.get(key) !== version) changed.push([name, fact]);
        this.#seen.set(key, version);
      }
    }
    return changed;
  }

  #follow(work: Promise<unknown>): void {
    const done = work.catch(() => {}).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#clock.clearTimeout(this.#timer);
    for (const { timer } of this.#told.values()) this.#clock.clearTimeout(timer);
    await Promise.all(this.#underWay);
  }
}
