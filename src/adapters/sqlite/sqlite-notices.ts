import { type FSWatcher, watch } from "node:fs";
import type { Clock } from "../../ports/clock.ts";
import type { StoreWatchers } from "../records/store-watchers.ts";
import type { SqliteSession } from "./sqlite-session.ts";

/** Two looks are at least so far apart, so that a busy file does not keep its watchers busy. */
const lookGapMs = 2;
/** A look that finds so many commits of this connection, and none of others, was for nothing. */
const busyCommits = 3;
/** After so many of them in a row, looks are so far apart, and the system is not asked to tell. */
const busyLooks = 5;
const busyGapMs = 5;
/** Ends that one look tells of one by one; the others are among what was missed. */
const maxEnds = 200;
/** From when an end is dated to when it is committed, mostly. */
const commitMs = 20;

const readySql = `SELECT 1 FROM actorfleet_executions WHERE "space" = ? AND "phase" = 'ready' LIMIT 1`;
const endedSql = `SELECT "id" FROM actorfleet_executions
  WHERE "space" = ? AND "completedAt" >= ? AND "completedAt" IS NOT NULL ORDER BY "completedAt" DESC LIMIT ${maxEnds}`;

export interface SqliteNoticesOptions {
  readonly filename: string;
  readonly clock: Clock;
  readonly watchers: StoreWatchers;
  /** How often to look when the system tells nothing, and how often to tell what nobody knows in detail. */
  readonly delayMs: number;
  /** Reads outside of transactions; undefined while the file is not open. */
  read<Result>(work: (session: SqliteSession) => Result): Result | undefined;
}

/**
 * Finds out what other connections have committed, for the watchers of this one. The system tells that the log of the file was written;
 * a counter of SQLite tells whether somebody else did, and is also looked at regularly, as not every system and file system tells. As long
 * as this connection alone writes a lot, the system is not asked to tell: it would, of each page.
 */
export class SqliteNotices {
  readonly #options: SqliteNoticesOptions;
  #file: FSWatcher | undefined;
  /** The system can be asked to tell. */
  #tells = true;
  #poll: unknown;
  #next: unknown;
  #missed: unknown;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #missedAt = Number.NEGATIVE_INFINITY;
  #version: number | undefined;
  #position: number | undefined;
  /** By the wall clock. */
  #lookedBefore = 0;
  #started = false;
  /** Of this connection, since the last look. */
  #commits = 0;
  /** Looks in a row that were for nothing. */
  #vainLooks = 0;

  constructor(options: SqliteNoticesOptions) {
    this.#options = options;
  }

  /** The file is open. What is committed from now on is told. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#lookedBefore = this.#options.clock.now();
    this.#options.read((session) => {
      this.#version = session.dataVersion();
      this.#position = session.storedPosition();
    });
    this.#watchFile();
    this.#armPoll();
  }

  /** This connection has written. */
  committed(): void {
    this.#commits += 1;
  }

  stop(): void {
    const { clock } = this.#options;
    this.#started = false;
    this.#unwatchFile();
    for (const timer of [this.#poll, this.#next, this.#missed]) clock.clearTimeout(timer);
    this.#next = undefined;
    this.#missed = undefined;
  }

  #watchFile(): void {
    try {
      const file = watch(`${this.#options.filename}-wal`, { persistent: false }, () => this.#written());
      file.on("error", () => file.close());
      this.#file = file;
    } catch {
      // The system has no more watches to give, or none at all: looking regularly has to do.
      this.#tells = false;
    }
  }

  #unwatchFile(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #armPoll(): void {
    const { clock, delayMs } = this.#options;
    this.#poll = clock.setTimeout(
      () => {
        this.#armPoll();
        if (this.#vainLooks < busyLooks) this.#look();
      },
      delayMs,
      true,
    );
  }

  /** By this connection or another one. */
  #written(): void {
    if (this.#next !== undefined || !this.#started) return;
    const { clock } = this.#options;
    const waitMs = this.#lookedAt + lookGapMs - clock.monotonicNow();
    if (waitMs <= 0) this.#look();
    else this.#next = clock.setTimeout(() => this.#look(), waitMs, true);
  }

  #look(): void {
    const { clock, read, watchers } = this.#options;
    clock.clearTimeout(this.#next);
    this.#next = undefined;
    this.#lookedAt = clock.monotonicNow();
    const since = this.#lookedBefore - commitMs;
    this.#lookedBefore = clock.now();
    if (watchers.size === 0) return;
    try {
      read((session) => this.#tell(session, since));
    } catch {
      // The file cannot be read just now; whoever uses it will be told why.
      this.#version = undefined;
    }
    this.#vainLooks = this.#commits < busyCommits ? 0 : this.#vainLooks + 1;
    this.#commits = 0;
    if (this.#vainLooks >= busyLooks) {
      this.#unwatchFile();
      this.#next = clock.setTimeout(() => this.#look(), busyGapMs, true);
    } else if (this.#file === undefined && this.#tells) {
      this.#watchFile();
      // What was committed before it was watched.
      this.#look();
    }
  }

  #tell(session: SqliteSession, since: number): void {
    const version = session.dataVersion();
    if (version === this.#version) return;
    this.#version = version;
    this.#commits = 0;
    const { watchers } = this.#options;
    const position = session.storedPosition();
    if (position !== this.#position) {
      this.#position = position;
      for (const name of watchers.namesOfWork())
        if (session.get(readySql, session.spaceOf(name)) !== undefined) watchers.tell(name, { type: "claimable" });
    }
    for (const name of watchers.namesFollowed()) {
      const ids = session.all<[string]>(endedSql, session.spaceOf(name), since).map(([id]) => id);
      if (ids.length > 0) watchers.tell(name, { type: "final", ids });
    }
    this.#tellMissed();
  }

  /** Cancels, signals, what was given back, and what clocks that differ hide. */
  #tellMissed(): void {
    const { clock, delayMs, watchers } = this.#options;
    if (this.#missed !== undefined) return;
    const tell = () => {
      this.#missed = undefined;
      this.#missedAt = clock.monotonicNow();
      watchers.tellAllMissed();
    };
    const waitMs = this.#missedAt + delayMs - clock.monotonicNow();
    if (waitMs <= 0) tell();
    else this.#missed = clock.setTimeout(tell, waitMs, true);
  }
}
