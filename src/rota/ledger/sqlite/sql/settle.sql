-- name: asked_to_stop
-- Of the runs that are to be tried again, which were to be stopped.
SELECT json_group_array(json_array(run.id, run.cancel_reason, run.token))
FROM json_each(:keys) AS given
CROSS JOIN rota_run AS run ON run.id = given.value ->> 0
WHERE run.token = given.value ->> 1 AND run.node = :node AND run.state = 'running';

-- name: finish_runs
-- Record outcomes, and say of which runs. The guard: nothing but the holder of the token can write. What was held for its
-- instant and had not begun is not tried again before that.
UPDATE rota_run SET state = done.state, reason = done.reason, run_at = CASE
    WHEN done.run_at IS NULL THEN rota_run.run_at WHEN done.started_at IS NULL THEN max(done.run_at, rota_run.run_at)
    ELSE done.run_at END,
  spent = done.spent, crashes = done.crashes, started_at = done.started_at, finished_at = done.finished_at,
  result = done.result, error = done.error, note = done.note, node = NULL,
  cancel_reason = CASE WHEN done.state = 'waiting' THEN NULL ELSE rota_run.cancel_reason END
FROM (
  SELECT value ->> 0 AS id, value ->> 1 AS token, value ->> 2 AS state, value ->> 3 AS reason, value ->> 4 AS run_at,
    value ->> 5 AS spent, value ->> 6 AS crashes, value ->> 7 AS started_at, value ->> 8 AS finished_at,
    value ->> 9 AS result, value ->> 10 AS error, value ->> 11 AS note
  FROM json_each(:done)) AS done
WHERE rota_run.id = done.id AND rota_run.token = done.token AND rota_run.node = :node AND rota_run.state = 'running'
RETURNING id, task_id, attempt, token, kind;

-- name: insert_attempts
-- The attempts whose story does not stand on the run: all but a success at the first try.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
FROM json_each(:attempts)
WHERE true
ON CONFLICT (run_id, token) DO UPDATE SET attempt = excluded.attempt, node = excluded.node, state = excluded.state,
  started_at = excluded.started_at, finished_at = excluded.finished_at, error = excluded.error,
  note = coalesce(rota_attempt.note || '; ' || excluded.note, excluded.note, rota_attempt.note);

-- name: refused_by
-- What is known of outcomes that no longer hold: the run, and the story that its attempt has by now.
SELECT json_group_array(json_array(run.id, run.token, run.state, run.attempt, run.finished_at, told.state, told.finished_at))
FROM json_each(:keys) AS given
CROSS JOIN rota_run AS run ON run.id = given.value ->> 0
LEFT JOIN rota_attempt AS told ON told.run_id = run.id AND told.token = given.value ->> 1;

-- name: note_late
-- A late answer is kept as a note on its attempt; what became of the attempt stays as it is.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 'lost', value ->> 4, value ->> 5, value ->> 6, value ->> 7
FROM json_each(:late)
WHERE true
ON CONFLICT (run_id, token) DO UPDATE SET note = coalesce(rota_attempt.note || '; ' || excluded.note, excluded.note, rota_attempt.note);

-- name: count_failures
-- Failed runs in a row, of each task.
UPDATE rota_task SET failures = failures + (SELECT count(*) FROM json_each(:tasks) WHERE value = rota_task.id),
  failed = failed + (SELECT count(*) FROM json_each(:tasks) WHERE value = rota_task.id)
WHERE id IN (SELECT value FROM json_each(:tasks));

-- name: count_missed
-- Occurrences that were missed although they should not be.
UPDATE rota_task SET missed = missed + (SELECT count(*) FROM json_each(:tasks) WHERE value = rota_task.id)
WHERE id IN (SELECT value FROM json_each(:tasks));

-- name: clear_failures
-- A success ends the row; most tasks have none, and are not written to.
UPDATE rota_task SET failures = 0 WHERE failures > 0 AND id IN (SELECT value FROM json_each(:tasks));

-- name: failing_too_long
-- Tasks that are to be paused by now, as their rota says.
SELECT id, service, name, failures FROM rota_task
WHERE id IN (SELECT value FROM json_each(:tasks)) AND pause_on_failure IS NOT NULL AND failures >= pause_on_failure
  AND paused_at IS NULL;

-- name: register_node
-- A node's identity is new with each start, so this never meets another; what it may meet is its own first try, of
-- which the answer was lost.
INSERT INTO rota_node (id, label, services, queues, version, started_at, beat_at, lease, lease_until, state, slots, busy, lag,
  clock_offset)
VALUES (:id, :label, :services, :queues, :version, :started_at, :now, :lease, :lease_until, 'live', :slots, :busy, :lag,
  :clock_offset)
ON CONFLICT (id) DO NOTHING;

-- name: beat
-- One statement renews the lease of all that the node holds. A node that was declared lost cannot renew.
UPDATE rota_node SET beat_at = :now, lease = :lease, lease_until = :now + :lease, beats = beats + 1,
  slots = :slots, busy = :busy, lag = :lag, clock_offset = :clock_offset
WHERE id = :id AND state = 'live';

-- name: stops
-- What this node is asked to stop.
SELECT id, token, cancel_reason FROM rota_run
WHERE state = 'running' AND node = :node AND cancel_reason IS NOT NULL ORDER BY id;

-- name: declare_lost
-- The end of a lease is only the permission to take over; this is the taking over, once.
UPDATE rota_node SET state = 'lost' WHERE id = :id AND state = 'live' AND lease_until < :now;

-- name: strays
-- Nodes that hold runs although nobody would look after them: their row is gone, or says that they are. There are none,
-- unless somebody has changed the tables by hand.
SELECT DISTINCT run.node FROM rota_run AS run INDEXED BY rota_run_running
WHERE run.state = 'running' AND NOT EXISTS (SELECT 1 FROM rota_node WHERE rota_node.id = run.node AND rota_node.state = 'live');

-- name: clamp_leases
-- A lease that ends later than a whole lease from now was given before the clock was set back.
UPDATE rota_node SET lease_until = :now + lease WHERE state = 'live' AND lease_until > :now + lease + 1000000;

-- name: orphans
-- What a lost node held, with what decides whether it is tried again.
SELECT run.id, run.token, run.attempt, run.spent, run.crashes, run.cancel_reason, task.definition, run.kind, run.node, run.task_id,
  run.started_at
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND run.node = :node;

-- name: leave
-- A node that goes in order holds nothing. One that still does keeps its lease, which runs out at once, so that
-- what it holds is taken over: nobody looks after the runs of a node that has left.
UPDATE rota_node SET beat_at = :now, busy = 0,
  state = CASE WHEN holds.some THEN state ELSE 'left' END,
  lease_until = CASE WHEN holds.some THEN min(lease_until, :now) ELSE lease_until END
FROM (SELECT EXISTS (SELECT 1 FROM rota_run INDEXED BY rota_run_running WHERE state = 'running' AND node = :id) AS some) AS holds
WHERE rota_node.id = :id AND rota_node.state = 'live';

-- name: live_nodes
-- Nodes, the latest first; all of them, or those that live.
SELECT id, label, services, queues, version, started_at, beat_at, lease_until, beats, state, slots, busy, lag,
  clock_offset
FROM rota_node WHERE state = 'live' OR :all ORDER BY started_at DESC;

-- name: insert_log
-- Lines are numbered on from the last of their run; the third value of each is its place among those given.
INSERT INTO rota_log (run_id, seq, attempt, at, source, text)
SELECT value ->> 0,
  coalesce((SELECT max(seq) FROM rota_log WHERE run_id = given.value ->> 0), 0) + (value ->> 1),
  value ->> 2, value ->> 3, value ->> 4, value ->> 5
FROM json_each(:lines) AS given
WHERE EXISTS (SELECT 1 FROM rota_run WHERE id = given.value ->> 0);

-- name: set_progress
-- Only the holder of the token says how far a run has come.
UPDATE rota_run SET progress = said.progress
FROM (SELECT value ->> 0 AS id, value ->> 1 AS token, value ->> 2 AS progress FROM json_each(:progress)) AS said
WHERE rota_run.id = said.id AND rota_run.token = said.token AND rota_run.state = 'running';
