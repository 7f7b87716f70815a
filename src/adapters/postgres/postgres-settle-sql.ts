import { steadyJoins, steadyPlans } from "./postgres-tables.ts";

const refusal = `CASE WHEN e."id" IS NULL THEN 'unknown' WHEN e."phase" = 'final' THEN 'final'
  WHEN e."fence" <> r.fence OR e."owner" IS DISTINCT FROM p_owner OR e."leaseExpiresAt" IS NULL THEN 'superseded'
  WHEN e."leaseExpiresAt" <= v_now THEN 'expired' END`;
/** Bounds what a join walks, whichever side the planner begins with. */
const ofItems = `e."id" = ANY (p_ids) AND e."name" = p_name`;
/** Those that a statement names, in the order given; null where there is none. */
const named = `unnest(p_ids, p_fences) WITH ORDINALITY AS r(id, fence, ord) LEFT JOIN S.executions e ON e."id" = r.id AND ${ofItems}`;
/** In front of what was never claimed, in the old order; claims look below 0 first. */
const putBack = (row: string) => `CASE WHEN ${row}."position" < 0 THEN ${row}."position" ELSE ${row}."position" - ${2 ** 52} END`;
/** The status of one that has ended as its holder wanted. */
const asAsked = `CASE u.type WHEN 'complete' THEN 'completed' WHEN 'fail' THEN 'failed' WHEN 'cancel' THEN 'cancelled' END`;
/** Taken before anybody is looked for who follows: whoever begins to waits until this is committed, and so is either told or sees it. */
const endsUntold = "pg_advisory_xact_lock_shared(hashtextextended(p_name, 4))";
const ends = `(e."cancelRequestedAt" IS NOT NULL OR u.type IN ('complete', 'fail', 'cancel'))`;

/**
 * Writes of lease holders, and the sweep of lost leases. Several rows are locked in the order of their ids, here and by every other statement
 * that changes several.
 */
export const settleSql = `
CREATE FUNCTION S.tell_final(p_name text, p_ids text[], p_now bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_payload text;
BEGIN
  IF coalesce(cardinality(p_ids), 0) = 0 THEN RETURN; END IF;
  PERFORM ${endsUntold};
  IF NOT EXISTS (SELECT 1 FROM S.followers WHERE "name" = p_name AND "until" > p_now) THEN RETURN; END IF;
  v_payload := json_build_object('name', p_name, 'ids', p_ids)::text;
  -- A notification holds 8 000 bytes; without ids it says that something ended.
  PERFORM pg_notify('FINAL', CASE WHEN octet_length(v_payload) < 7900 THEN v_payload ELSE json_build_object('name', p_name)::text END);
END $$;

CREATE FUNCTION S.settle(p_name text, p_owner text, p_ids text[], p_fences integer[], p_types text[], p_results text[], p_errors text[], p_reasons text[],
  p_delays float8[], p_abandoned boolean[], p_drops boolean[], p_progress text[])
RETURNS text LANGUAGE plpgsql ${steadyJoins} AS $$
DECLARE v_now bigint := S.now_ms(); v_settled integer[]; v_odd text; v_refused text; v_locked boolean;
BEGIN
  WITH settled AS (UPDATE S.executions e SET
      "status" = CASE WHEN e."cancelRequestedAt" IS NOT NULL THEN 'cancelled' WHEN u.type = 'complete' THEN 'completed' WHEN u.type = 'fail' THEN 'failed'
        WHEN u.type = 'cancel' THEN 'cancelled' ELSE 'queued' END,
      "phase" = CASE WHEN ${ends} THEN 'final' WHEN u.delay > 0 THEN 'delayed' ELSE 'ready' END,
      "completedAt" = CASE WHEN ${ends} THEN v_now END,
      "dueAt" = CASE WHEN NOT ${ends} AND u.delay > 0 THEN v_now + u.delay::bigint END,
      "lane" = 1, "readySince" = CASE WHEN ${ends} THEN e."readySince" ELSE v_now END,
      "position" = CASE WHEN u.type = 'retry' THEN nextval('S.positions') WHEN u.type = 'release' THEN ${putBack("e")} ELSE e."position" END,
      "attemptStep" = CASE WHEN u.type = 'retry' THEN 1 ELSE e."attemptStep" END,
      "owner" = NULL, "claimId" = NULL, "leaseExpiresAt" = NULL, "holdsSlot" = 0, "settledFence" = u.fence,
      "result" = CASE WHEN e."cancelRequestedAt" IS NULL AND u.type = 'complete' THEN u.result END,
      "error" = CASE WHEN e."cancelRequestedAt" IS NOT NULL THEN e."error" WHEN u.type IN ('fail', 'retry') THEN u.error WHEN u.type = 'complete' THEN NULL ELSE e."error" END,
      "reason" = CASE WHEN e."cancelRequestedAt" IS NULL AND u.type = 'cancel' THEN u.reason ELSE e."reason" END,
      "abandoned" = CASE WHEN u.abandoned THEN 1 ELSE e."abandoned" END,
      "progress" = coalesce(u.progress, e."progress"),
      "checkpointBody" = CASE WHEN ${ends} OR u.dropped THEN NULL ELSE e."checkpointBody" END,
      "checkpointRevision" = CASE WHEN u.dropped AND NOT ${ends} THEN 0 ELSE e."checkpointRevision" END
    FROM (SELECT DISTINCT ON (id, fence) * FROM unnest(p_ids, p_fences, p_types, p_results, p_errors, p_reasons, p_delays, p_abandoned, p_drops, p_progress)
      WITH ORDINALITY AS given(id, fence, type, result, error, reason, delay, abandoned, dropped, progress, ord) ORDER BY id, fence, ord) AS u
    WHERE e."id" = u.id AND ${ofItems} AND e."fence" = u.fence AND e."owner" = p_owner AND e."leaseExpiresAt" > v_now
    RETURNING u.ord::integer, CASE WHEN e."status" = ${asAsked} THEN NULL
      ELSE json_build_array(u.ord, e."status", coalesce(e."completedAt", e."dueAt", v_now), NULL)::text END AS odd
  ) SELECT array_agg(ord), string_agg(odd, ','), ${endsUntold} IS NULL INTO v_settled, v_odd, v_locked FROM settled;
  IF p_types && ARRAY['retry', 'release'] THEN PERFORM pg_notify('WORK', p_name); END IF;
  IF EXISTS (SELECT 1 FROM S.followers WHERE "name" = p_name AND "until" > v_now) THEN
    PERFORM S.tell_final(p_name, (SELECT array_agg(e."id") FILTER (WHERE e."phase" = 'final') FROM ${named}), v_now);
  END IF;
  IF coalesce(cardinality(v_settled), 0) < cardinality(p_ids) THEN
    SELECT string_agg(json_build_array(r.ord, CASE WHEN e."settledFence" = r.fence THEN CASE e."status" WHEN 'running' THEN 'queued' ELSE e."status" END END,
      coalesce(e."completedAt", e."dueAt", e."readySince"), CASE WHEN e."settledFence" = r.fence THEN 'repeated' ELSE coalesce(${refusal}, 'superseded') END)::text, ',')
      INTO v_refused FROM ${named} WHERE NOT r.ord = ANY (coalesce(v_settled, '{}'));
  END IF;
  -- One time for all that have ended as they should; what follows tells of what did not.
  RETURN '[' || concat_ws(',', v_now, v_odd, v_refused) || ']';
END $$;

CREATE FUNCTION S.renew(p_name text, p_owner text, p_lease_ms float8, p_ids text[], p_fences integer[])
RETURNS TABLE (o_ord integer, o_refusal text, o_expires float8, o_cancel boolean, o_reason text, o_last_signal integer) LANGUAGE plpgsql ${steadyJoins} AS $$
DECLARE v_now bigint := S.now_ms();
BEGIN
  UPDATE S.executions e SET "leaseExpiresAt" = v_now + p_lease_ms::bigint
    FROM (SELECT * FROM unnest(p_ids, p_fences) AS given(id, fence) ORDER BY id) AS u
    WHERE e."id" = u.id AND ${ofItems} AND e."fence" = u.fence AND e."owner" = p_owner AND e."leaseExpiresAt" > v_now;
  RETURN QUERY SELECT r.ord::integer, ${refusal}, e."leaseExpiresAt"::float8, e."cancelRequestedAt" IS NOT NULL, e."reason", e."lastSignal"
    FROM ${named};
END $$;

CREATE FUNCTION S.change_slots(p_name text, p_owner text, p_ids text[], p_fences integer[], p_changes text[], p_orders bigint[], p_group_limit integer, p_groups text[], p_limits integer[])
RETURNS TABLE (o_ord integer, o_refusal text) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; r record;
BEGIN
  FOR r IN SELECT * FROM unnest(p_ids, p_fences, p_changes, p_orders) WITH ORDINALITY AS u(id, fence, change, slot_order, ord) ORDER BY id LOOP
    SELECT * INTO e FROM S.executions x WHERE x."name" = p_name AND x."id" = r.id FOR UPDATE;
    o_ord := r.ord; o_refusal := ${refusal};
    IF o_refusal IS NULL AND r.slot_order < e."slotOrder" THEN RETURN NEXT; CONTINUE; END IF;
    IF o_refusal IS NULL AND r.change = 'take' AND e."holdsSlot" = 0 AND e."group" <> '' THEN
      PERFORM pg_advisory_xact_lock(hashtextextended(p_name || ' ' || e."group", 3));
      IF S.holders(p_name, e."group") >= S.group_limit(e."group", p_group_limit, p_groups, p_limits) THEN o_refusal := 'limited'; END IF;
    END IF;
    IF o_refusal IS NULL THEN
      UPDATE S.executions x SET "holdsSlot" = CASE r.change WHEN 'yield' THEN 0 ELSE 1 END, "slotOrder" = coalesce(r.slot_order, x."slotOrder") WHERE x."name" = p_name AND x."id" = e."id";
      IF r.change = 'yield' THEN PERFORM pg_notify('WORK', p_name); END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION S.save(p_name text, p_owner text, p_park boolean, p_ids text[], p_fences integer[], p_revisions integer[], p_bodies text[], p_consumed integer[],
  p_versions text[], p_progress text[], p_wakes float8[])
RETURNS TABLE (o_ord integer, o_refusal text, o_stale boolean, o_cancel boolean, o_reason text, o_last_signal integer) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; r record; v_consumed integer;
BEGIN
  FOR r IN SELECT * FROM unnest(p_ids, p_fences, p_revisions, p_bodies, p_consumed, p_versions, p_progress, p_wakes) WITH ORDINALITY
    AS u(id, fence, revision, body, consumed, version, progress, wake, ord) ORDER BY id LOOP
    SELECT * INTO e FROM S.executions x WHERE x."name" = p_name AND x."id" = r.id FOR UPDATE;
    o_ord := r.ord; o_refusal := ${refusal}; o_stale := false;
    o_cancel := e."cancelRequestedAt" IS NOT NULL; o_reason := e."reason"; o_last_signal := e."lastSignal";
    IF p_park AND e."settledFence" = r.fence THEN o_refusal := 'repeated';
    ELSIF p_park AND o_refusal IS NULL AND o_cancel THEN o_refusal := 'cancelRequested';
    ELSIF p_park AND o_refusal IS NULL AND e."lastSignal" > r.consumed THEN o_refusal := 'unreadSignal';
    END IF;
    o_stale := NOT p_park AND r.revision IS NOT NULL AND r.revision <= e."checkpointRevision";
    IF o_refusal IS NULL AND NOT o_stale THEN
      v_consumed := greatest(e."consumedSignal", r.consumed);
      UPDATE S.executions x SET "progress" = coalesce(r.progress, x."progress"), "checkpointRevision" = coalesce(r.revision, x."checkpointRevision"),
        "checkpointBody" = coalesce(r.body, x."checkpointBody"), "consumedSignal" = v_consumed,
        "machineVersion" = coalesce(r.version, x."machineVersion"),
        "machineKey" = CASE WHEN r.version IS NULL THEN x."machineKey" ELSE x."machineId" || chr(1) || r.version END,
        "phase" = CASE WHEN p_park THEN 'parked' ELSE x."phase" END, "owner" = CASE WHEN NOT p_park THEN x."owner" END,
        "leaseExpiresAt" = CASE WHEN NOT p_park THEN x."leaseExpiresAt" END, "holdsSlot" = CASE WHEN p_park THEN 0 ELSE x."holdsSlot" END,
        "settledFence" = CASE WHEN p_park THEN r.fence ELSE x."settledFence" END,
        "dueAt" = CASE WHEN p_park THEN v_now + r.wake::bigint ELSE x."dueAt" END
      WHERE x."name" = p_name AND x."id" = e."id";
      IF e."lastSignal" > 0 AND r.consumed IS NOT NULL THEN
        DELETE FROM S.signals s WHERE s."execution" = e."sequence" AND s."sequence" <= v_consumed AND s."at" < v_now - 300000;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION S.sweep(p_name text, p_limit integer, p_lost_error text)
RETURNS TABLE (o_id text, o_outcome text, o_due integer, o_next float8) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; v_final text[] := '{}'; v_ready boolean := false;
BEGIN
  o_due := S.promote(p_name, v_now);
  FOR e IN SELECT * FROM S.executions WHERE "name" = p_name AND "phase" = 'leased' AND "leaseExpiresAt" <= v_now ORDER BY "leaseExpiresAt" LIMIT p_limit FOR UPDATE SKIP LOCKED LOOP
    o_id := e."id"; o_next := NULL;
    o_outcome := CASE WHEN e."cancelRequestedAt" IS NOT NULL THEN 'cancelled' WHEN e."takeovers" >= e."maxTakeovers" THEN 'lost' ELSE 'takenOver' END;
    UPDATE S.executions x SET "owner" = NULL, "leaseExpiresAt" = NULL, "holdsSlot" = 0,
      "status" = CASE o_outcome WHEN 'cancelled' THEN 'cancelled' WHEN 'lost' THEN 'failed' ELSE 'queued' END,
      "phase" = CASE o_outcome WHEN 'takenOver' THEN 'ready' ELSE 'final' END,
      "completedAt" = CASE o_outcome WHEN 'takenOver' THEN NULL ELSE v_now END,
      "checkpointBody" = CASE o_outcome WHEN 'takenOver' THEN x."checkpointBody" END,
      "error" = CASE o_outcome WHEN 'lost' THEN p_lost_error ELSE x."error" END,
      "takeovers" = x."takeovers" + CASE o_outcome WHEN 'cancelled' THEN 0 ELSE 1 END,
      "lane" = 1, "position" = ${putBack("x")}, "readySince" = v_now, "attemptStep" = 1
    WHERE x."name" = p_name AND x."id" = e."id";
    IF o_outcome = 'takenOver' THEN v_ready := true; ELSE v_final := v_final || e."id"; END IF;
    RETURN NEXT;
  END LOOP;
  DELETE FROM S.claims WHERE "name" = p_name AND "at" < v_now - 300000;
  IF v_ready OR o_due > 0 THEN PERFORM pg_notify('WORK', p_name); END IF;
  PERFORM S.tell_final(p_name, v_final, v_now);
  DELETE FROM S.followers WHERE "until" < v_now;
  SELECT CASE WHEN min("leaseExpiresAt") IS NOT NULL THEN greatest(0, min("leaseExpiresAt") - v_now) END INTO o_next FROM S.executions WHERE "name" = p_name AND "phase" = 'leased';
  o_id := NULL; o_outcome := NULL;
  RETURN NEXT;
END $$;
`;
