import type { DatabaseSync } from "node:sqlite";
import { SchemaVersionError } from "../../model/store-errors.ts";

/** Each entry leads from the version that is its index to the next one; entries are never changed once released. */
const migrations: readonly string[] = [
  // Every claim, save and settlement writes its row anew, so what is large lives beside the rows. What a claim adds takes the place of "room":
  // a row that grows within a full page moves others to new ones, which trebles what is written. Finished rows are in no index that claims
  // read. "claimId" is in the index of leases so that a repeated claim finds what it took.
  `
  CREATE TABLE actorfleet_executions (
    "sequence" INTEGER PRIMARY KEY,
    "space" INTEGER NOT NULL, "id" TEXT NOT NULL, "startToken" TEXT NOT NULL, "inputHash" TEXT, "idempotencyKey" TEXT,
    "rank" REAL NOT NULL, "group" TEXT NOT NULL, "machineId" TEXT NOT NULL, "queuedAt" INTEGER NOT NULL, "maxTakeovers" INTEGER NOT NULL,
    "status" TEXT NOT NULL DEFAULT 'queued', "phase" TEXT NOT NULL, "lane" INTEGER NOT NULL DEFAULT 1, "position" INTEGER NOT NULL,
    "readySince" INTEGER NOT NULL, "machineKey" TEXT NOT NULL,
    "attempt" INTEGER NOT NULL DEFAULT 0, "attemptStep" INTEGER NOT NULL DEFAULT 1, "takeovers" INTEGER NOT NULL DEFAULT 0,
    "fence" INTEGER NOT NULL DEFAULT 0, "settledFence" INTEGER NOT NULL DEFAULT 0, "owner" TEXT, "claimId" TEXT, "leaseExpiresAt" INTEGER,
    "holdsSlot" INTEGER NOT NULL DEFAULT 0, "dueAt" INTEGER, "startedAt" INTEGER, "completedAt" INTEGER,
    "cancelRequestedAt" INTEGER, "cancelToken" TEXT, "reason" TEXT,
    "lastSignal" INTEGER NOT NULL DEFAULT 0, "consumedSignal" INTEGER NOT NULL DEFAULT 0, "lastEvent" INTEGER NOT NULL DEFAULT 0,
    "checkpointRevision" INTEGER NOT NULL DEFAULT 0, "slotOrder" INTEGER NOT NULL DEFAULT 0,
    "machineVersion" TEXT, "maxAttempts" INTEGER NOT NULL, "timeoutMs" INTEGER, "tags" TEXT NOT NULL,
    "input" TEXT, "settings" TEXT, "retry" TEXT, "trace" TEXT, "progress" TEXT, "result" TEXT, "error" TEXT, "abandoned" INTEGER,
    "room" TEXT DEFAULT '${"-".repeat(64)}'
  ) STRICT;
  CREATE UNIQUE INDEX actorfleet_by_id ON actorfleet_executions ("id", "space");
  CREATE UNIQUE INDEX actorfleet_by_key ON actorfleet_executions ("space", "idempotencyKey") WHERE "idempotencyKey" IS NOT NULL;
  CREATE INDEX actorfleet_ready ON actorfleet_executions ("space", "lane", "rank", "machineKey", "group", "position") WHERE "phase" = 'ready';
  CREATE INDEX actorfleet_due ON actorfleet_executions ("space", "dueAt") WHERE "dueAt" IS NOT NULL;
  CREATE INDEX actorfleet_leased ON actorfleet_executions ("space", "claimId", "leaseExpiresAt") WHERE "phase" = 'leased';
  CREATE INDEX actorfleet_slots ON actorfleet_executions ("space", "group") WHERE "holdsSlot" = 1 AND "group" <> '';
  CREATE INDEX actorfleet_finished ON actorfleet_executions ("space", "completedAt") WHERE "completedAt" IS NOT NULL;
  CREATE INDEX actorfleet_live ON actorfleet_executions ("space", "sequence") WHERE "completedAt" IS NULL;
  CREATE INDEX actorfleet_rare ON actorfleet_executions ("space", "status", "sequence")
    WHERE "status" = 'failed' OR "status" = 'cancelled' OR "phase" = 'parked';
  CREATE INDEX actorfleet_groups ON actorfleet_executions ("space", "group", "sequence") WHERE "group" <> '';
  CREATE TABLE actorfleet_inputs ("execution" INTEGER PRIMARY KEY, "body" TEXT NOT NULL) STRICT;
  CREATE TABLE actorfleet_checkpoints ("execution" INTEGER PRIMARY KEY, "body" TEXT NOT NULL) STRICT;
  CREATE TABLE actorfleet_tags (
    "space" INTEGER NOT NULL, "tag" TEXT NOT NULL, "execution" INTEGER NOT NULL, PRIMARY KEY ("space", "tag", "execution")
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE actorfleet_signals (
    "execution" INTEGER NOT NULL, "sequence" INTEGER NOT NULL, "token" TEXT NOT NULL, "at" INTEGER NOT NULL, "body" TEXT NOT NULL,
    PRIMARY KEY ("execution", "sequence")
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE actorfleet_events (
    "execution" INTEGER NOT NULL, "sequence" INTEGER NOT NULL, "fence" INTEGER NOT NULL, "ordinal" INTEGER NOT NULL, "at" INTEGER NOT NULL,
    "body" TEXT NOT NULL,
    PRIMARY KEY ("execution", "sequence")
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE actorfleet_spaces (
    "number" INTEGER PRIMARY KEY, "name" TEXT NOT NULL UNIQUE, "queued" INTEGER NOT NULL DEFAULT 0, "running" INTEGER NOT NULL DEFAULT 0,
    "completed" INTEGER NOT NULL DEFAULT 0, "failed" INTEGER NOT NULL DEFAULT 0, "cancelled" INTEGER NOT NULL DEFAULT 0,
    "parked" INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE actorfleet_claim_times ("space" INTEGER NOT NULL, "at" INTEGER NOT NULL, "count" INTEGER NOT NULL) STRICT;
  CREATE INDEX actorfleet_claim_times_by_space ON actorfleet_claim_times ("space", "at");
  INSERT INTO actorfleet_meta VALUES ('position', 0);
  `,
];

const sqliteSchemaVersion = migrations.length;

/** Brings the file to this library's schema, within the caller's write transaction. Its tables live beside the application's own. */
export function migrateSqlite(database: DatabaseSync, filename: string): void {
  database.exec('CREATE TABLE IF NOT EXISTS actorfleet_meta ("key" TEXT PRIMARY KEY, "value" INTEGER NOT NULL) STRICT, WITHOUT ROWID');
  const row = database.prepare(`SELECT "value" FROM actorfleet_meta WHERE "key" = 'schema'`).get() as { value: number } | undefined;
  const found = row?.value ?? 0;
  if (found > sqliteSchemaVersion) throw new SchemaVersionError({ where: filename, found, supported: sqliteSchemaVersion });
  if (found === sqliteSchemaVersion) return;
  for (const migration of migrations.slice(found)) database.exec(migration);
  database
    .prepare(`INSERT INTO actorfleet_meta VALUES ('schema', ?) ON CONFLICT DO UPDATE SET "value" = excluded."value"`)
    .run(sqliteSchemaVersion);
}
