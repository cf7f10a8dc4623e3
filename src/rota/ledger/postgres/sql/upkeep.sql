-- name: expired
-- Waiting runs past their deadline that nobody has claimed, nor is about to.
SELECT id, run_at, expires_at FROM rota_run
WHERE state = 'waiting' AND expires_at IS NOT NULL AND expires_at <= :now AND attempt = 0
ORDER BY expires_at LIMIT :limit
FOR UPDATE SKIP LOCKED;

-- name: old_runs
-- Of the next runs by id: the ended ones of the past, but for the newest record of each schedule, since the cursor and
-- the unique key must go on holding; the last id looked at, how many were, and whether that one is old.
WITH following AS MATERIALIZED (
  SELECT id, state, schedule_id, scheduled_at, finished_at, created_at FROM rota_run WHERE id > :after ORDER BY id LIMIT :window
)
SELECT json_build_array(
  (SELECT coalesce(json_agg(id), '[]') FROM (
    SELECT following.id FROM following LEFT JOIN rota_schedule AS schedule ON schedule.id = following.schedule_id
    WHERE following.finished_at < :before AND following.scheduled_at < :before
      AND (schedule.fired_at IS NULL OR following.scheduled_at < schedule.fired_at)
    ORDER BY following.id LIMIT :limit) AS gone),
  (SELECT max(id) FROM following),
  (SELECT count(*) FROM following),
  (SELECT created_at < :before FROM following ORDER BY id DESC LIMIT 1))::text;

-- name: prune_begin
-- Where the last batch ended.
SELECT value::bigint FROM rota_meta WHERE key = 'pruned';

-- name: set_prune_begin
-- Where the next batch goes on.
INSERT INTO rota_meta (key, value) VALUES ('pruned', CAST(:id AS bigint)::text)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: set_schema
-- What `version` answers from now on.
INSERT INTO rota_meta (key, value) VALUES ('schema', CAST(:version AS bigint)::text)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: prune_runs
DELETE FROM rota_run WHERE id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:ids AS jsonb))));

-- name: prune_logs
DELETE FROM rota_log WHERE run_id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:ids AS jsonb))));

-- name: prune_attempts
DELETE FROM rota_attempt WHERE run_id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:ids AS jsonb))));

-- name: prune_ranges
-- A batch of ranges that ended long ago.
DELETE FROM rota_range WHERE id IN (SELECT id FROM rota_range WHERE until_at < :before LIMIT :limit);

-- name: prune_nodes
-- Nodes that went long ago; none that holds anything, so that nothing becomes nobody's.
DELETE FROM rota_node AS node WHERE node.state <> 'live' AND node.beat_at < :before
  AND NOT EXISTS (SELECT 1 FROM rota_run AS run WHERE run.state = 'running' AND run.node = node.id);

-- name: prune_incidents
-- A batch of incidents that were resolved long ago, with what was told of them.
DELETE FROM rota_notice WHERE incident_id IN (SELECT id FROM rota_incident WHERE resolved_at < :before ORDER BY id LIMIT :limit)
  OR (incident_id IS NULL AND created_at < :before);

-- name: prune_resolved
-- Those incidents themselves.
DELETE FROM rota_incident WHERE resolved_at < :before
  AND NOT EXISTS (SELECT 1 FROM rota_notice AS notice WHERE notice.incident_id = rota_incident.id);

-- name: prune_tallies
-- Hours that no objective looks back to.
DELETE FROM rota_tally WHERE hour < :before;
