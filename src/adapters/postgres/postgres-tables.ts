/** Those in the index of lists, which a claim therefore need not change. */
export const unleased = `"phase" <> 'leased'`;

/**
 * Tables and indexes of schema version 1. Every claim and every end writes its row anew, and an entry for it into each index that takes it, so
 * that there are few of these; pages are filled by half, and what is written anew stays on its page. `S` stands for the quoted schema.
 */
export const tablesSql = `
CREATE SEQUENCE S.positions;
CREATE TABLE S.executions (
  "sequence" bigint NOT NULL, "queuedAt" bigint NOT NULL, "position" bigint NOT NULL, "readySince" bigint NOT NULL, "slotOrder" bigint NOT NULL DEFAULT 0,
  "rank" double precision NOT NULL, "lane" integer NOT NULL DEFAULT 1, "holdsSlot" integer NOT NULL DEFAULT 0,
  "attempt" integer NOT NULL DEFAULT 0, "attemptStep" integer NOT NULL DEFAULT 1, "fence" integer NOT NULL DEFAULT 0, "settledFence" integer NOT NULL DEFAULT 0,
  "maxAttempts" integer NOT NULL, "maxTakeovers" integer NOT NULL, "takeovers" integer NOT NULL DEFAULT 0,
  "lastSignal" integer NOT NULL DEFAULT 0, "consumedSignal" integer NOT NULL DEFAULT 0,
  "lastEvent" integer NOT NULL DEFAULT 0, "checkpointRevision" integer NOT NULL DEFAULT 0,
  "name" text NOT NULL, "id" text NOT NULL, "status" text NOT NULL DEFAULT 'queued', "phase" text NOT NULL, "group" text NOT NULL, "machineKey" text NOT NULL,
  "machineId" text NOT NULL, "startToken" text NOT NULL, "tags" text NOT NULL, "input" text NOT NULL,
  "dueAt" bigint, "leaseExpiresAt" bigint, "completedAt" bigint, "startedAt" bigint, "cancelRequestedAt" bigint, "timeoutMs" double precision, "abandoned" integer,
  "idempotencyKey" text, "owner" text, "claimId" text, "cancelToken" text, "inputHash" text, "machineVersion" text, "reason" text, "settings" text, "retry" text, "trace" text,
  "progress" text, "result" text, "error" text, "checkpointBody" text,
  PRIMARY KEY ("id", "name")
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX executions_by_key ON S.executions ("name", "idempotencyKey") WHERE "idempotencyKey" IS NOT NULL;
CREATE INDEX executions_ready ON S.executions ("name", "lane", "rank", "machineKey" COLLATE "C", "group" COLLATE "C", "position") WHERE "phase" = 'ready';
CREATE INDEX executions_due ON S.executions ("name", "dueAt", "sequence") WHERE "dueAt" IS NOT NULL;
CREATE INDEX executions_leased ON S.executions ("name", "leaseExpiresAt") WHERE "phase" = 'leased';
CREATE INDEX executions_slots ON S.executions ("name", "group") WHERE "holdsSlot" = 1 AND "group" <> '';
CREATE INDEX executions_finished ON S.executions ("name", "completedAt") WHERE "completedAt" IS NOT NULL;
CREATE INDEX executions_listed ON S.executions ("name", "status", "sequence") WHERE ${unleased};
CREATE INDEX executions_groups ON S.executions ("name", "group", "sequence") WHERE "group" <> '';
CREATE TABLE S.signals ("execution" bigint NOT NULL, "sequence" integer NOT NULL, "token" text NOT NULL, "at" bigint NOT NULL, "body" text NOT NULL,
  PRIMARY KEY ("execution", "sequence"));
CREATE TABLE S.events ("execution" bigint NOT NULL, "sequence" integer NOT NULL, "fence" integer NOT NULL, "ordinal" double precision NOT NULL,
  "at" bigint NOT NULL, "body" text NOT NULL, PRIMARY KEY ("execution", "sequence"));
CREATE TABLE S.claims ("name" text NOT NULL, "claimId" text NOT NULL, "at" bigint NOT NULL, PRIMARY KEY ("name", "claimId"));
CREATE TABLE S.claim_times ("name" text NOT NULL, "at" bigint NOT NULL, "count" integer NOT NULL);
CREATE INDEX claim_times_by_name ON S.claim_times ("name", "at");
CREATE TABLE S.followers ("id" text PRIMARY KEY, "name" text NOT NULL, "until" bigint NOT NULL);

CREATE FUNCTION S.now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$ SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint $$;
`;

const indexPlans =
  "SET enable_seqscan = off SET enable_bitmapscan = off SET enable_mergejoin = off SET plan_cache_mode = force_generic_plan SET jit = off";
/** Whatever statistics say or do not say, these functions walk indexes: an estimate must not decide how a queue performs. */
export const steadyPlans = `${indexPlans} SET enable_hashjoin = off`;
/** For those that join records with items by their ids: a nested loop may begin with all records, if it was planned while there were none. */
export const steadyJoins = `${indexPlans} SET enable_nestloop = off SET enable_hashjoin = on`;
