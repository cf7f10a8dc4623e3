-- name: expired
-- Waiting runs past their deadline that nobody has claimed.
SELECT json_group_array(id) FROM (
  SELECT id FROM rota_run INDEXED BY rota_run_expiry
  WHERE state = 'waiting' AND expires_at IS NOT NULL AND expires_at <= :now ORDER BY expires_at LIMIT :limit);

-- name: old_runs
-- Ended runs of the past, but for the newest record of each schedule: the unique key must go on holding.
SELECT json_group_array(id) FROM (
  SELECT run.id FROM rota_run AS run LEFT JOIN rota_schedule AS schedule ON schedule.id = run.schedule_id
  WHERE run.id <= (SELECT max(id) FROM (SELECT id FROM rota_run ORDER BY id LIMIT :window))
    AND run.state NOT IN ('waiting', 'running') AND run.finished_at < :before AND run.scheduled_at < :before
    AND (schedule.fired_at IS NULL OR run.scheduled_at < schedule.fired_at)
  ORDER BY run.id LIMIT :limit);

-- name: prune_runs
DELETE FROM rota_run WHERE id IN (SELECT value FROM json_each(:ids));

-- name: prune_logs
DELETE FROM rota_log WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: prune_attempts
DELETE FROM rota_attempt WHERE run_id IN (SELECT value FROM json_each(:ids));

-- name: prune_ranges
DELETE FROM rota_range WHERE until_at < :before;

-- name: prune_nodes
DELETE FROM rota_node WHERE state <> 'live' AND beat_at < :before;
