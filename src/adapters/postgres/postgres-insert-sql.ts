import { steadyPlans, unleased } from "./postgres-tables.ts";

const insertAll = `INSERT INTO S.executions ("sequence", "position", "name", "id", "startToken", "inputHash", "idempotencyKey", "rank", "group", "machineId", "machineVersion",
  "machineKey", "queuedAt", "readySince", "maxAttempts", "maxTakeovers", "phase", "dueAt", "timeoutMs", "tags", "input", "settings", "retry", "trace")
SELECT n, n, p_name, u.id, u.token, u.hash, u.key, coalesce(u.rank, p_ranks[1]), coalesce(u.grp, p_groups[1]), coalesce(u.machine_id, p_machine_ids[1]),
    u.machine_version, coalesce(u.machine_key, p_machine_keys[1]), v_now, v_now, coalesce(u.max_attempts, p_max_attempts[1]), coalesce(u.max_takeovers, p_max_takeovers[1]),
  CASE WHEN u.delay > 0 THEN 'delayed' ELSE 'ready' END, CASE WHEN u.delay > 0 THEN v_now + u.delay::bigint END, u.timeout, coalesce(u.tags, p_tags[1]), u.input, u.settings, u.retry, u.trace
FROM (
  SELECT nextval('S.positions') AS n, x.* FROM unnest(p_ids, p_tokens, p_hashes, p_keys, p_ranks, p_groups, p_machine_ids, p_machine_versions, p_machine_keys,
    p_max_attempts, p_max_takeovers, p_delays, p_timeouts, p_tags, p_inputs, p_settings, p_retries, p_traces) WITH ORDINALITY
    AS x(id, token, hash, key, rank, grp, machine_id, machine_version, machine_key, max_attempts, max_takeovers, delay, timeout, tags, input, settings, retry, trace, ord)
) AS u`;

/** One row for all: taking a text out of an array costs as much as its index. */
const allInserted = "0, 'inserted', NULL::text, v_now::float8, 0::float8";

/** A subtransaction costs less than to look for conflicts in advance from about here on. */
const many = 8;

/** Inserts in one statement; what conflicted is looked at afterwards, so that the caller's transaction is never aborted. */
export const insertSql = `
CREATE FUNCTION S.insert_executions(p_name text, p_atomic boolean, p_max_queued integer, p_ids text[], p_tokens text[], p_hashes text[], p_keys text[],
  p_ranks float8[], p_groups text[], p_machine_ids text[], p_machine_versions text[], p_machine_keys text[], p_max_attempts integer[], p_max_takeovers integer[],
  p_delays float8[], p_timeouts float8[], p_tags text[], p_inputs text[], p_settings text[], p_retries text[], p_traces text[])
RETURNS TABLE (o_ord integer, o_outcome text, o_id text, o_queued_at float8, o_queued float8) LANGUAGE plpgsql ${steadyPlans} AS $$
DECLARE
  v_now bigint := S.now_ms();
  v_room integer;
  v_new text[];
  v_refused boolean := false;
  v_existing S.executions;
  v_outcomes text[] := '{}';
  v_others text[] := '{}';
  v_ats bigint[] := '{}';
BEGIN
  IF p_max_queued IS NOT NULL THEN
    SELECT p_max_queued - count(*) INTO v_room FROM (
      SELECT 1 FROM S.executions WHERE "name" = p_name AND "status" = 'queued' AND ${unleased} LIMIT p_max_queued) AS waiting;
  END IF;
  IF p_keys IS NULL AND p_max_queued IS NULL AND cardinality(p_ids) >= ${many} THEN
    -- No id is there yet, unless it was chosen or the start is repeated.
    BEGIN
      ${insertAll};
      PERFORM pg_notify('WORK', p_name);
      RETURN QUERY SELECT ${allInserted};
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      -- As below.
    END;
  END IF;
  WITH inserted AS (
    ${insertAll}
    WHERE v_room IS NULL OR u.ord IN (
      SELECT f.ord FROM (
        SELECT y.ord, row_number() OVER (ORDER BY y.ord) AS place FROM (
          SELECT x.*, row_number() OVER (PARTITION BY x.id ORDER BY x.ord) AS nth_of_id, row_number() OVER (PARTITION BY x.key ORDER BY x.ord) AS nth_of_key
          FROM unnest(p_ids, p_keys) WITH ORDINALITY AS x(id, key, ord)) AS y
        WHERE y.nth_of_id = 1 AND (y.key IS NULL OR y.nth_of_key = 1)
          -- Not an anti-join, which may be planned as a walk over all ids.
          AND (SELECT e."id" FROM S.executions e WHERE e."name" = p_name AND e."id" = y.id) IS NULL
          AND (y.key IS NULL OR NOT EXISTS (SELECT 1 FROM S.executions e WHERE e."name" = p_name AND e."idempotencyKey" = y.key))
      ) AS f WHERE f.place <= v_room)
    ON CONFLICT DO NOTHING RETURNING "id", "phase"
  ) SELECT array_agg("id") INTO v_new FROM inserted;
  v_new := coalesce(v_new, '{}');
  IF cardinality(v_new) = cardinality(p_ids) THEN
    PERFORM pg_notify('WORK', p_name);
    RETURN QUERY SELECT ${allInserted};
    RETURN;
  END IF;
  FOR i IN 1 .. cardinality(p_ids) LOOP
    v_existing := NULL;
    IF p_keys[i] IS NOT NULL THEN
      SELECT * INTO v_existing FROM S.executions e WHERE e."name" = p_name AND e."idempotencyKey" = p_keys[i];
    END IF;
    IF v_existing."id" IS NULL THEN
      SELECT * INTO v_existing FROM S.executions e WHERE e."name" = p_name AND e."id" = p_ids[i];
      v_outcomes := v_outcomes || CASE WHEN v_existing."id" IS NULL THEN 'full' WHEN v_existing."startToken" <> p_tokens[i] THEN 'duplicate'
        WHEN v_existing."id" = ANY (v_new) THEN 'inserted' ELSE 'repeated' END;
    ELSE
      v_outcomes := v_outcomes || CASE WHEN v_existing."startToken" = p_tokens[i] THEN CASE WHEN v_existing."id" = ANY (v_new) THEN 'inserted' ELSE 'repeated' END
        WHEN v_existing."inputHash" IS NOT DISTINCT FROM p_hashes[i] THEN 'existing' ELSE 'conflict' END;
    END IF;
    v_refused := v_refused OR v_outcomes[i] NOT IN ('inserted', 'repeated', 'existing');
    v_others := v_others || coalesce(v_existing."id", '');
    v_ats := v_ats || coalesce(v_existing."queuedAt", 0);
  END LOOP;
  IF p_atomic AND v_refused THEN
    DELETE FROM S.executions WHERE "name" = p_name AND "id" = ANY (v_new);
    v_outcomes := array_replace(array_replace(v_outcomes, 'inserted', 'atomic'), 'repeated', 'atomic');
  ELSIF cardinality(v_new) > 0 THEN
    PERFORM pg_notify('WORK', p_name);
  END IF;
  RETURN QUERY SELECT i, v_outcomes[i], v_others[i], v_ats[i]::float8,
    (SELECT count(*) FROM S.executions WHERE "name" = p_name AND "status" = 'queued' AND ${unleased} AND v_outcomes[i] = 'full')::float8
    FROM generate_subscripts(v_outcomes, 1) AS i;
END $$;
`;
