import { steadyPlans } from "./postgres-tables.ts";

const columns = (names: readonly string[]) => names.map((name) => `e."${name}"`).join(", ");

/** What few records have. */
const rare = [
  ...["idempotencyKey", "cancelRequestedAt", "reason", "progress", "error", "abandoned", "settings"],
  ...["machineVersion", "timeoutMs", "retry", "trace"],
];
/** As in a record that has nothing special. */
const usual = `e."takeovers" = 0 AND e."lastSignal" = 0 AND e."consumedSignal" = 0 AND e."checkpointRevision" = 0 AND e."tags" = '[]'`;
const more = `CASE WHEN num_nonnulls(${columns(rare)}) > 0 OR NOT (${usual}) THEN json_build_object(
    ${rare.map((name) => `'${name}', e."${name}"`).join(", ")}, 'takeovers', e."takeovers", 'lastSignal', e."lastSignal", 'consumedSignal', e."consumedSignal",
    'checkpointRevision', e."checkpointRevision", 'tags', e."tags"::json) END`;

const claimedNumbers = [
  ...["lane", "rank", "position", "sequence", "attempt", "maxAttempts", "maxTakeovers"],
  ...["fence", "leaseExpiresAt", "queuedAt", "startedAt"],
];

/**
 * Each column of an answer has its price: what is short comes as one text, the items of a JSON array, and what may be long as it is. Of these
 * items none but the last, which then is not there, can be null.
 */
const claimedRow = `concat_ws(',', ${columns(claimedNumbers)}, array_to_json(ARRAY[${columns(["machineId", "group", "id"])}]), ${more}), e."input", e."checkpointBody"`;

const leased = `"status" = 'running', "phase" = 'leased', "owner" = p_owner, "claimId" = p_claim_id, "leaseExpiresAt" = v_expires, "fence" = e."fence" + 1,
    "attempt" = e."attempt" + e."attemptStep", "attemptStep" = 0, "holdsSlot" = 1, "dueAt" = NULL, "startedAt" = coalesce(e."startedAt", v_now)`;

/** Leases the records at these places, which are locked and so cannot move, and returns them, in whatever order. */
const leaseAll = (places: string) => `RETURN QUERY UPDATE S.executions e SET ${leased}
    WHERE e.ctid = ANY (${places}) RETURNING ${claimedRow}`;

const runs = (key: string) => `starts_with(${key}, p_prefix) AND (p_keys IS NULL OR ${key} = ANY (p_keys))`;
const inReady = `FROM S.executions WHERE "name" = p_name AND "phase" = 'ready'`;
const readyOrder = `("lane", "rank", "machineKey" COLLATE "C", "group" COLLATE "C", "position")`;
const firstReady = (
  condition: string,
) => `SELECT "lane", "rank", "machineKey", "group", "position" INTO v_lane, v_rank, v_first_key, v_first_group, v_first_position
        ${inReady} AND ${condition}
        ORDER BY "lane", "rank", "machineKey" COLLATE "C", "group" COLLATE "C", "position" LIMIT 1`;

/**
 * What most claims find: nothing is due, nothing comes before the place where the last one has ended, and its bucket is the only one of its
 * level. One statement then takes from it, and the rest of the function looks for what that did not bring. The claim is no repeated one.
 */
const goesOnPlainly = `NOT EXISTS (SELECT 1 FROM S.claims WHERE "name" = p_name AND "claimId" = p_claim_id)
    AND NOT EXISTS (SELECT 1 FROM S.executions WHERE "name" = p_name AND "dueAt" <= v_now AND "dueAt" IS NOT NULL)
    AND NOT EXISTS (SELECT 1 ${inReady} AND ${readyOrder} < (p_from_lane, p_from_rank, p_from_key, p_from_group, 0))
    AND NOT EXISTS (SELECT 1 ${inReady} AND "lane" = p_from_lane AND "rank" = p_from_rank
      AND ("machineKey" COLLATE "C", "group" COLLATE "C") > (p_from_key, p_from_group))`;

/**
 * Claim, in the order of `claim-plan.ts`; rows that other claims have locked are skipped, groups with a limit are claimed from by one at a time.
 *
 * Until the table is vacuumed, its index keeps entries of all that was claimed before, and a claim from the start walks over them. `p_from_…`
 * is where an earlier claim has ended: below, in that bucket, is at most what was committed late, which a claim without it finds, or one that
 * finds nothing else. What is given back is queued below 0, which is looked at in any case.
 */
export const claimSql = `
CREATE FUNCTION S.promote(p_name text, p_now bigint) RETURNS integer LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE v_count integer;
BEGIN
  UPDATE S.executions e SET "phase" = 'ready', "lane" = CASE e."status" WHEN 'running' THEN 0 ELSE 1 END, "position" = nextval('S.positions'),
    "readySince" = p_now, "dueAt" = NULL
  FROM (SELECT ctid AS place FROM S.executions WHERE "name" = p_name AND "dueAt" <= p_now AND "dueAt" IS NOT NULL ORDER BY "dueAt", "sequence" LIMIT 1000 FOR UPDATE SKIP LOCKED) AS due
  WHERE e.ctid = due.place;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  RETURN v_count;
END $$;

CREATE FUNCTION S.holders(p_name text, p_group text) RETURNS integer LANGUAGE plpgsql ${steadyPlans} AS $$
BEGIN
  RETURN (SELECT count(*) FROM S.executions WHERE "name" = p_name AND "group" = p_group AND "holdsSlot" = 1 AND "group" <> '');
END $$;

CREATE FUNCTION S.ready_groups(p_name text) RETURNS SETOF text LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE b record; v_lane integer := -1; v_rank float8 := 0; v_key text := ''; v_group text := '';
BEGIN
  FOR i IN 1 .. 2000 LOOP
    SELECT "lane", "rank", "machineKey", "group" INTO b FROM S.executions WHERE "name" = p_name AND "phase" = 'ready'
      AND ("lane", "rank", "machineKey" COLLATE "C", "group" COLLATE "C") > (v_lane, v_rank, v_key, v_group)
      ORDER BY "lane", "rank", "machineKey" COLLATE "C", "group" COLLATE "C" LIMIT 1;
    EXIT WHEN NOT FOUND;
    v_lane := b."lane"; v_rank := b."rank"; v_key := b."machineKey"; v_group := b."group";
    RETURN NEXT v_group;
  END LOOP;
END $$;

CREATE FUNCTION S.claim(p_name text, p_owner text, p_claim_id text, p_limit integer, p_lease_ms float8, p_prefix text, p_keys text[], p_ids text[],
  p_group_limit integer, p_groups text[], p_limits integer[], p_rate_limit integer, p_rate_interval float8, p_turn_key text, p_turn_group text,
  p_from_lane integer, p_from_rank float8, p_from_key text, p_from_group text, p_from_position bigint)
RETURNS TABLE (o_body text, o_input text, o_checkpoint text) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE
  v_now bigint; v_expires bigint;
  v_need integer := p_limit; v_before integer := 0;
  v_taken integer := 0; v_places tid[]; v_refusal text; v_refused text[] := '{}';
  v_lane integer := -1; v_rank float8 := 0; v_first boolean := true;
  v_key text; v_group text; v_bucket_keys text[]; v_bucket_groups text[]; v_active integer[]; v_remaining integer[];
  v_known boolean := p_from_position IS NOT NULL; v_goes_on boolean := v_known; v_first_key text; v_first_group text; v_first_position bigint; v_from bigint; v_began boolean; v_over boolean; v_seen integer;
  v_wrapped boolean; v_room integer; v_want integer; v_share integer; v_locked text[] := '{}'; v_limited boolean := p_group_limit IS NOT NULL OR p_groups IS NOT NULL;
  v_row S.executions; v_due bigint; v_oldest bigint; b integer; v_id text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(p_name || ' ' || p_claim_id, 1));
  v_now := S.now_ms();
  v_expires := v_now + p_lease_ms::bigint;
  IF p_from_position IS NOT NULL AND ${runs("p_from_key")} AND ${goesOnPlainly} THEN
    RETURN QUERY WITH kept AS (INSERT INTO S.claims VALUES (p_name, p_claim_id, v_now))
      UPDATE S.executions e SET ${leased} WHERE e.ctid = ANY (ARRAY(
        SELECT ctid FROM S.executions WHERE "name" = p_name AND "phase" = 'ready' AND "lane" = p_from_lane AND "rank" = p_from_rank
        AND "machineKey" COLLATE "C" = p_from_key AND "group" COLLATE "C" = p_from_group AND "position" >= p_from_position
        ORDER BY "position" LIMIT p_limit FOR UPDATE SKIP LOCKED))
      RETURNING ${claimedRow};
    GET DIAGNOSTICS v_before = ROW_COUNT;
    IF v_before = p_limit THEN RETURN; END IF;
    v_need := v_need - v_before;
    v_goes_on := v_before = 0;
  ELSE
    IF EXISTS (SELECT 1 FROM S.claims WHERE "name" = p_name AND "claimId" = p_claim_id) THEN
      RETURN QUERY SELECT ${claimedRow} FROM S.executions e WHERE e."name" = p_name AND e."phase" = 'leased' AND e."claimId" = p_claim_id;
      RETURN;
    END IF;
  END IF;
  IF EXISTS (SELECT 1 FROM S.executions WHERE "name" = p_name AND "dueAt" <= v_now AND "dueAt" IS NOT NULL) THEN PERFORM S.promote(p_name, v_now); END IF;
  IF p_rate_limit IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(p_name, 2));
    v_need := least(v_need, p_rate_limit - (SELECT coalesce(sum("count"), 0) FROM S.claim_times WHERE "name" = p_name AND "at" > v_now - p_rate_interval));
  END IF;
  IF p_ids IS NOT NULL THEN
    IF p_rate_limit IS NULL THEN v_need := cardinality(p_ids); END IF;
    FOR v_id IN SELECT DISTINCT i FROM unnest(p_ids) AS i ORDER BY i LOOP
      SELECT * INTO v_row FROM S.executions WHERE "name" = p_name AND "id" = v_id FOR UPDATE;
      v_places := ARRAY(SELECT e.ctid FROM S.executions e WHERE e."name" = p_name AND e."id" = v_id);
      v_refusal := CASE WHEN v_row."id" IS NULL THEN 'unknown' WHEN v_row."phase" IN ('final', 'leased') THEN v_row."phase" WHEN v_row."phase" <> 'ready' THEN 'notDue'
        WHEN NOT (starts_with(v_row."machineKey", p_prefix) AND (p_keys IS NULL OR v_row."machineKey" = ANY (p_keys))) THEN 'machine'
        WHEN v_need <= 0 THEN 'limited' END;
      IF v_refusal IS NULL AND v_limited AND v_row."group" <> '' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended(p_name || ' ' || v_row."group", 3));
        IF S.group_limit(v_row."group", p_group_limit, p_groups, p_limits) <= S.holders(p_name, v_row."group") THEN v_refusal := 'limited'; END IF;
      END IF;
      IF v_refusal IS NULL THEN
        ${leaseAll("v_places")};
        v_taken := v_taken + 1;
        v_need := v_need - 1;
      ELSE
        v_refused := v_refused || json_build_object('id', v_id, 'reason', v_refusal)::text;
      END IF;
    END LOOP;
    v_need := 0;
  END IF;
  WHILE v_need > 0 LOOP
    -- The level's first record: it also tells where its bucket begins, past the index entries of what was claimed before.
    IF v_known THEN
      v_known := false;
      ${firstReady(`${readyOrder} < (p_from_lane, p_from_rank, p_from_key, p_from_group, 0)`)};
      IF NOT FOUND THEN ${firstReady(`${readyOrder} >= (p_from_lane, p_from_rank, p_from_key, p_from_group, p_from_position)`)}; END IF;
    ELSE
      ${firstReady('("lane", "rank") > (v_lane, v_rank)')};
    END IF;
    IF NOT FOUND THEN
      EXIT WHEN NOT v_goes_on OR v_taken > 0;
      -- That there is nothing is said only after a look from the start.
      v_goes_on := false; v_lane := -1; v_rank := 0;
      CONTINUE;
    END IF;
    v_key := coalesce(p_turn_key, ''); v_group := coalesce(p_turn_group, ''); v_wrapped := p_turn_key IS NULL; v_began := false; v_over := false; v_seen := 0;
    WHILE v_need > 0 AND NOT v_over LOOP
      v_bucket_keys := '{}'; v_bucket_groups := '{}';
      -- No more buckets than there are places, unless their groups' limits may leave some without.
      WHILE v_limited OR cardinality(v_bucket_keys) < v_need LOOP
        v_over := v_seen >= 512;
        EXIT WHEN v_over;
        v_seen := v_seen + 1;
        IF v_wrapped AND NOT v_began THEN
          v_key := v_first_key; v_group := v_first_group; v_began := true;
        ELSE
          SELECT "machineKey", "group" INTO v_key, v_group FROM S.executions WHERE "name" = p_name AND "phase" = 'ready' AND "lane" = v_lane AND "rank" = v_rank
            AND ("machineKey" COLLATE "C", "group" COLLATE "C") > (v_key, v_group) ORDER BY "machineKey" COLLATE "C", "group" COLLATE "C" LIMIT 1;
          IF NOT FOUND THEN
            v_over := v_wrapped;
            EXIT WHEN v_over;
            v_wrapped := true;
            CONTINUE;
          END IF;
        END IF;
        -- At the turn again every bucket has been seen.
        v_over := v_wrapped AND p_turn_key IS NOT NULL AND (v_key COLLATE "C", v_group COLLATE "C") >= (p_turn_key, p_turn_group);
        EXIT WHEN v_over AND (v_key COLLATE "C", v_group COLLATE "C") > (p_turn_key, p_turn_group);
        IF ${runs("v_key")} THEN
          v_bucket_keys := v_bucket_keys || v_key; v_bucket_groups := v_bucket_groups || v_group;
        END IF;
        EXIT WHEN v_over;
      END LOOP;
      IF v_limited AND v_first THEN
        -- In one order for all, so that two claims never wait for each other; further levels only try.
        PERFORM pg_advisory_xact_lock(h) FROM (SELECT DISTINCT hashtextextended(p_name || ' ' || g, 3) AS h FROM unnest(v_bucket_groups) AS g WHERE g <> '' ORDER BY 1) AS locks;
        v_locked := v_bucket_groups;
      END IF;
      v_first := false;
      v_active := ARRAY(SELECT generate_subscripts(v_bucket_keys, 1));
      WHILE cardinality(v_active) > 0 AND v_need > 0 LOOP
        v_share := greatest(1, v_need / cardinality(v_active));
        v_remaining := '{}';
        FOREACH b IN ARRAY v_active LOOP
          v_want := least(v_share, v_need);
          IF v_limited AND v_bucket_groups[b] <> '' THEN
            IF NOT v_bucket_groups[b] = ANY (v_locked) THEN
              CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended(p_name || ' ' || v_bucket_groups[b], 3));
              v_locked := v_locked || v_bucket_groups[b];
            END IF;
            v_room := S.group_limit(v_bucket_groups[b], p_group_limit, p_groups, p_limits) - S.holders(p_name, v_bucket_groups[b]);
            v_want := least(v_want, v_room);
          END IF;
          CONTINUE WHEN v_want <= 0;
          v_from := CASE WHEN v_bucket_keys[b] = v_first_key AND v_bucket_groups[b] = v_first_group THEN v_first_position ELSE '-9223372036854775808' END;
          v_places := ARRAY(
            SELECT ctid FROM S.executions WHERE "name" = p_name AND "phase" = 'ready' AND "lane" = v_lane AND "rank" = v_rank
            AND "machineKey" COLLATE "C" = v_bucket_keys[b] AND "group" COLLATE "C" = v_bucket_groups[b] AND "position" >= v_from
            ORDER BY "position" LIMIT v_want FOR UPDATE SKIP LOCKED);
          CONTINUE WHEN cardinality(v_places) = 0;
          ${leaseAll("v_places")};
          v_taken := v_taken + cardinality(v_places);
          v_need := v_need - cardinality(v_places);
          IF cardinality(v_places) = v_want THEN v_remaining := v_remaining || b; END IF;
        END LOOP;
        v_active := v_remaining;
      END LOOP;
    END LOOP;
  END LOOP;
  IF v_taken > 0 THEN
    INSERT INTO S.claims VALUES (p_name, p_claim_id, v_now) ON CONFLICT DO NOTHING;
    IF p_rate_limit IS NOT NULL THEN
      INSERT INTO S.claim_times VALUES (p_name, v_now, v_taken);
      DELETE FROM S.claim_times WHERE "name" = p_name AND "at" < v_now - 86400000;
    END IF;
  END IF;
  IF v_before + v_taken < p_limit THEN
    SELECT min("dueAt") INTO v_due FROM S.executions WHERE "name" = p_name AND "dueAt" IS NOT NULL;
    IF p_rate_limit IS NOT NULL AND p_rate_limit <= (SELECT coalesce(sum("count"), 0) FROM S.claim_times WHERE "name" = p_name AND "at" > v_now - p_rate_interval) THEN
      SELECT min("at") + p_rate_interval::bigint INTO v_oldest FROM S.claim_times WHERE "name" = p_name AND "at" > v_now - p_rate_interval;
      v_due := least(v_due, v_oldest);
    END IF;
    -- Not greatest(0, NULL), which is 0: a worker would ask again at once, for ever.
    v_due := CASE WHEN v_due IS NOT NULL THEN greatest(0, v_due - v_now) END;
  END IF;
  IF v_due IS NOT NULL OR cardinality(v_refused) > 0 THEN
    o_body := json_build_object('due', v_due, 'refused', array_to_json(v_refused::json[]))::text;
    RETURN NEXT;
  END IF;
END $$;

CREATE FUNCTION S.group_limit(p_group text, p_default integer, p_groups text[], p_limits integer[]) RETURNS integer LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(p_limits[array_position(p_groups, p_group)], p_default, 0) $$;
`;
