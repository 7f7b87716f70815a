import { steadyPlans } from "./postgres-tables.ts";

/** Cancels, signals, events, removal. */
export const messageSql = `
CREATE FUNCTION S.cancel(p_name text, p_ids text[], p_reasons text[], p_tokens text[])
RETURNS TABLE (o_ord integer, o_outcome text) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; r record; v_final text[] := '{}'; v_running text[] := '{}';
BEGIN
  FOR r IN SELECT * FROM unnest(p_ids, p_reasons, p_tokens) WITH ORDINALITY AS u(id, reason, token, ord) ORDER BY id LOOP
    SELECT * INTO e FROM S.executions x WHERE x."name" = p_name AND x."id" = r.id FOR UPDATE;
    o_ord := r.ord;
    o_outcome := CASE WHEN e."id" IS NULL THEN 'unknown' WHEN e."phase" = 'final' THEN
        CASE WHEN e."cancelToken" = r.token THEN 'cancelled' WHEN strpos(e."cancelToken" || chr(31), chr(31) || r.token || chr(31)) > 0 THEN 'running' ELSE 'final' END
      WHEN e."phase" = 'leased' THEN 'running' ELSE 'cancelled' END;
    IF e."phase" <> 'final' AND e."cancelRequestedAt" IS NULL THEN
      UPDATE S.executions x SET "cancelRequestedAt" = v_now, "cancelToken" = CASE o_outcome WHEN 'running' THEN chr(31) ELSE '' END || r.token, "reason" = r.reason,
        "status" = CASE o_outcome WHEN 'running' THEN x."status" ELSE 'cancelled' END, "phase" = CASE o_outcome WHEN 'running' THEN x."phase" ELSE 'final' END,
        "completedAt" = CASE o_outcome WHEN 'running' THEN NULL ELSE v_now END, "dueAt" = NULL,
        "checkpointBody" = CASE o_outcome WHEN 'running' THEN x."checkpointBody" END
      WHERE x."name" = p_name AND x."id" = e."id";
      IF o_outcome = 'running' THEN v_running := v_running || e."id"; ELSE v_final := v_final || e."id"; END IF;
    ELSIF e."phase" = 'leased' AND strpos(e."cancelToken" || chr(31), chr(31) || r.token || chr(31)) = 0 THEN
      UPDATE S.executions x SET "cancelToken" = left(chr(31) || r.token || e."cancelToken", 1000) WHERE x."name" = p_name AND x."id" = e."id";
    END IF;
    RETURN NEXT;
  END LOOP;
  PERFORM S.tell_final(p_name, v_final, v_now);
  PERFORM S.tell_control(p_name, 'cancelRequested', v_running);
END $$;

CREATE FUNCTION S.tell_control(p_name text, p_type text, p_ids text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_payload text := json_build_object('name', p_name, 'type', p_type, 'ids', p_ids)::text;
BEGIN
  IF cardinality(p_ids) = 0 THEN RETURN; END IF;
  PERFORM pg_notify('CONTROL', CASE WHEN octet_length(v_payload) < 7900 THEN v_payload ELSE json_build_object('name', p_name)::text END);
END $$;

CREATE FUNCTION S.append_signals(p_name text, p_ids text[], p_tokens text[], p_bodies text[])
RETURNS TABLE (o_ord integer, o_refusal text, o_sequence integer) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; r record; v_told text[] := '{}'; v_awake boolean := false;
BEGIN
  -- In the order of ids for locks; within an execution in the order given.
  FOR r IN SELECT * FROM unnest(p_ids, p_tokens, p_bodies) WITH ORDINALITY AS u(id, token, body, ord) ORDER BY id, ord LOOP
    SELECT * INTO e FROM S.executions x WHERE x."name" = p_name AND x."id" = r.id FOR UPDATE;
    o_ord := r.ord; o_sequence := NULL; o_refusal := NULL;
    IF e."id" IS NULL THEN o_refusal := 'unknown';
    ELSE
      SELECT s."sequence" INTO o_sequence FROM S.signals s WHERE s."execution" = e."sequence" AND s."token" = r.token;
      IF o_sequence IS NOT NULL THEN o_refusal := 'repeated';
      ELSIF e."phase" = 'final' THEN o_refusal := 'final';
      ELSE
        o_sequence := e."lastSignal" + 1;
        INSERT INTO S.signals VALUES (e."sequence", o_sequence, r.token, v_now, r.body);
        UPDATE S.executions x SET "lastSignal" = o_sequence, "phase" = CASE x."phase" WHEN 'parked' THEN 'ready' ELSE x."phase" END,
          "lane" = CASE x."phase" WHEN 'parked' THEN 0 ELSE x."lane" END, "readySince" = CASE x."phase" WHEN 'parked' THEN v_now ELSE x."readySince" END,
          "position" = CASE x."phase" WHEN 'parked' THEN nextval('S.positions') ELSE x."position" END,
          "dueAt" = CASE x."phase" WHEN 'parked' THEN NULL ELSE x."dueAt" END
        WHERE x."name" = p_name AND x."id" = e."id";
        v_told := v_told || e."id";
        -- A claim at this moment passes by what is locked here, so it is told to look again.
        v_awake := v_awake OR e."phase" IN ('parked', 'ready');
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
  PERFORM S.tell_control(p_name, 'signalled', v_told);
  IF v_awake THEN PERFORM pg_notify('WORK', p_name); END IF;
END $$;

CREATE FUNCTION S.append_events(p_name text, p_owner text, p_max integer, p_entries integer[], p_ids text[], p_fences integer[], p_ordinals float8[], p_bodies text[])
RETURNS TABLE (o_entry integer, o_refusal text, o_sequence integer) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_now bigint := S.now_ms(); e S.executions; r record; v_last float8;
BEGIN
  FOR r IN SELECT * FROM unnest(p_entries, p_ids, p_fences, p_ordinals, p_bodies) WITH ORDINALITY AS u(entry, id, fence, ordinal, body, ord) ORDER BY id, ord LOOP
    SELECT * INTO e FROM S.executions x WHERE x."name" = p_name AND x."id" = r.id FOR UPDATE;
    o_entry := r.entry; o_sequence := e."lastEvent";
    o_refusal := CASE WHEN e."id" IS NULL THEN 'unknown' WHEN e."fence" <> r.fence THEN 'superseded'
      WHEN e."owner" IS NULL AND (p_owner IS NULL OR e."settledFence" = r.fence) THEN NULL WHEN e."owner" = p_owner THEN NULL ELSE 'superseded' END;
    IF o_refusal IS NULL AND r.ordinal IS NOT NULL THEN
      SELECT v."ordinal" INTO v_last FROM S.events v WHERE v."execution" = e."sequence" AND v."fence" = r.fence ORDER BY v."sequence" DESC LIMIT 1;
      IF v_last IS NULL OR r.ordinal > v_last THEN
        o_sequence := e."lastEvent" + 1;
        INSERT INTO S.events VALUES (e."sequence", o_sequence, r.fence, r.ordinal, v_now, r.body);
        UPDATE S.executions x SET "lastEvent" = o_sequence WHERE x."name" = p_name AND x."id" = e."id";
        IF o_sequence > p_max THEN DELETE FROM S.events v WHERE v."execution" = e."sequence" AND v."sequence" <= o_sequence - p_max; END IF;
      END IF;
    END IF;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE FUNCTION S.remove(p_name text, p_older_ms float8, p_limit integer) RETURNS integer LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_before bigint := S.now_ms() - least(p_older_ms, 1e15)::bigint; v_gone bigint[]; v_places tid[];
BEGIN
  SELECT coalesce(array_agg("sequence"), '{}'), array_agg(place) INTO v_gone, v_places FROM (
    SELECT "sequence", ctid AS place FROM S.executions WHERE "name" = p_name AND "completedAt" < v_before AND "completedAt" IS NOT NULL
    ORDER BY "completedAt" LIMIT p_limit FOR UPDATE SKIP LOCKED) AS ended;
  DELETE FROM S.signals WHERE "execution" = ANY (v_gone);
  DELETE FROM S.events WHERE "execution" = ANY (v_gone);
  DELETE FROM S.executions WHERE ctid = ANY (v_places);
  RETURN cardinality(v_gone);
END $$;
`;
