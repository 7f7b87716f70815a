import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreWatchers } from "../../../../src/adapters/records/store-watchers.ts";
import { SqliteNotices } from "../../../../src/adapters/sqlite/sqlite-notices.ts";
import type { SqliteSession } from "../../../../src/adapters/sqlite/sqlite-session.ts";
import { VirtualClock } from "../../../../src/testing/virtual-clock.ts";

/** How often it looks by itself. */
const delayMs = 1_000;

let folder: string;
let log: string;
let clock: VirtualClock;
let notices: SqliteNotices;
/** Of the last commit of another connection. */
let version = 1;
let told: string[];
let heard = () => {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "actorfleet-"));
  const filename = join(folder, "store.sqlite");
  log = `${filename}-wal`;
  writeFileSync(log, "");
  clock = new VirtualClock();
  told = [];
  const watchers = new StoreWatchers();
  watchers.watch({ name: "t", work: true, control: false }, ({ type }) => {
    told.push(type);
    heard();
  });
  const session = {
    dataVersion: () => version,
    storedPosition: () => version,
    spaceOf: () => 1,
    get: () => [1],
    all: () => [],
  } as unknown as SqliteSession;
  notices = new SqliteNotices({ filename, clock, watchers, delayMs, read: (work) => work(session) });
  notices.start();
});

afterEach(() => {
  notices.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Looks one after the other that find commits of this connection alone. */
async function writeAlone(): Promise<void> {
  for (let looks = 0; looks < 5; looks++) {
    for (let commits = 0; commits < 3; commits++) notices.committed();
    await clock.advance(delayMs);
  }
}

/** Another connection commits, and the system tells of it; resolves when a watcher has been told. */
async function heardFromSystem(): Promise<void> {
  await clock.advance(10);
  const hearing = new Promise<void>((resolve) => {
    heard = resolve;
  });
  version += 1;
  appendFileSync(log, "page");
  await hearing;
}

describe("notices of a SQLite file", () => {
  it("a commit of another connection is told soon after the system tells of it", async () => {
    await heardFromSystem();
    expect(told).toContain("claimable");
  });

  it("a connection that alone writes a lot looks every few milliseconds, and asks the system again when it has calmed down", async () => {
    await writeAlone();
    expect(told).toEqual([]);
    for (let commits = 0; commits < 3; commits++) notices.committed();
    version += 1;
    await clock.advance(5);
    expect(told).toContain("claimable");

    told = [];
    await heardFromSystem();
    expect(told).toContain("claimable");
  });

  it("what another connection commits just before the system is asked again is told", async () => {
    await writeAlone();
    version += 1;
    await clock.advance(5);
    expect(told).toContain("claimable");
  });
});
