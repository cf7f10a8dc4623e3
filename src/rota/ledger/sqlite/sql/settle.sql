-- name: held_by
-- Which of the outcomes still hold: same run, token and node, still running.
SELECT json_group_array(json_array(run.id, run.task_id, run.attempt, run.cancel_reason))
FROM json_each(:keys) AS given
CROSS JOIN rota_run AS run ON run.id = given.value ->> 0
WHERE run.token = given.value ->> 1 AND run.node = :node AND run.state = 'running';

-- name: finish_runs
-- Record outcomes. The guard stands here once more: nothing but the holder of the token can write.
UPDATE rota_run SET state = done.state, reason = done.reason, run_at = coalesce(done.run_at, rota_run.run_at),
  spent = done.spent, crashes = done.crashes, started_at = done.started_at, finished_at = done.finished_at,
  result = done.result, error = done.error, note = done.note, node = NULL,
  cancel_reason = CASE WHEN done.state = 'waiting' THEN NULL ELSE rota_run.cancel_reason END
FROM (
  SELECT value ->> 0 AS id, value ->> 1 AS token, value ->> 2 AS state, value ->> 3 AS reason, value ->> 4 AS run_at,
    value ->> 5 AS spent, value ->> 6 AS crashes, value ->> 7 AS started_at, value ->> 8 AS finished_at,
    value ->> 9 AS result, value ->> 10 AS error, value ->> 11 AS note
  FROM json_each(:done)) AS done
WHERE rota_run.id = done.id AND rota_run.token = done.token AND rota_run.node = :node AND rota_run.state = 'running';

-- name: insert_attempts
-- The attempts whose story does not stand on the run: all but a success at the first try.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each(:attempts)
WHERE true
ON CONFLICT (run_id, token) DO UPDATE SET note = coalesce(rota_attempt.note || '; ', '') || excluded.note
WHERE excluded.note IS NOT NULL;

-- name: count_failures
UPDATE rota_task SET failures = failures + (SELECT count(*) FROM json_each(:tasks) WHERE value = rota_task.id)
WHERE id IN (SELECT value FROM json_each(:tasks));

-- name: clear_failures
UPDATE rota_task SET failures = 0 WHERE failures > 0 AND id IN (SELECT value FROM json_each(:tasks));

-- name: failing_too_long
SELECT id, service, name, failures FROM rota_task
WHERE id IN (SELECT value FROM json_each(:tasks)) AND pause_on_failure IS NOT NULL AND failures >= pause_on_failure
  AND paused_at IS NULL;

-- name: register_node
INSERT INTO rota_node (id, label, services, queues, version, started_at, beat_at, lease, lease_until, state, slots, busy, lag)
VALUES (:id, :label, :services, :queues, :version, :started_at, :now, :lease, :lease_until, 'live', :slots, :busy, :lag);

-- name: beat
-- One statement renews the lease of all that the node holds. A node that was declared lost cannot renew.
UPDATE rota_node SET beat_at = :now, lease = :lease, lease_until = :now + :lease, beats = beats + 1,
  slots = :slots, busy = :busy, lag = :lag
WHERE id = :id AND state = 'live';

-- name: stops
-- What this node is asked to stop.
SELECT id, token, cancel_reason FROM rota_run
WHERE state = 'running' AND node = :node AND cancel_reason IS NOT NULL;

-- name: declare_lost
-- The end of a lease is only the permission to take over; this is the taking over, once.
UPDATE rota_node SET state = 'lost' WHERE id = :id AND state = 'live' AND lease_until < :now;

-- name: clamp_leases
-- A lease that ends later than a whole lease from now was given before the clock was set back.
UPDATE rota_node SET lease_until = :now + lease WHERE state = 'live' AND lease_until > :now + lease + 1000000;

-- name: orphans
SELECT run.id, run.token, run.attempt, run.spent, run.crashes, run.cancel_reason, task.definition, run.node, run.task_id, run.started_at
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND run.node = :node;

-- name: leave
UPDATE rota_node SET state = 'left', beat_at = :now, busy = 0 WHERE id = :id AND state = 'live';

-- name: live_nodes
SELECT id, label, services, queues, version, started_at, beat_at, lease_until, beats, state, slots, busy, lag
FROM rota_node WHERE state = 'live' OR :all ORDER BY started_at DESC;

-- name: last_lines
SELECT run_id, max(seq) FROM rota_log WHERE run_id IN (SELECT value FROM json_each(:runs)) GROUP BY run_id;

-- name: insert_log
INSERT INTO rota_log (run_id, seq, attempt, at, source, text)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(:lines);

-- name: set_progress
UPDATE rota_run SET progress = said.progress
FROM (SELECT value ->> 0 AS id, value ->> 1 AS token, value ->> 2 AS progress FROM json_each(:progress)) AS said
WHERE rota_run.id = said.id AND rota_run.token = said.token AND rota_run.state = 'running';
