-- name: asked_to_stop
-- Of the runs that are to be tried again, which were to be stopped. Locked, in one order for all: nobody asks meanwhile.
SELECT run.id, run.cancel_reason, run.token
FROM jsonb_array_elements(CAST(:keys AS jsonb)) AS given (value)
JOIN rota_run AS run ON run.id = (value ->> 0)::bigint
WHERE run.token = (value ->> 1)::bigint AND run.node = :node AND run.state = 'running'
ORDER BY run.id
FOR UPDATE OF run;

-- name: finish_runs
-- Record outcomes, and say of which runs. The guard: nothing but the holder of the token can write. What was held for its
-- instant and had not begun is not tried again before that.
UPDATE rota_run AS run SET state = done.state, reason = done.reason, run_at = CASE
    WHEN done.run_at IS NULL THEN run.run_at WHEN done.started_at IS NULL THEN greatest(done.run_at, run.run_at)
    ELSE done.run_at END,
  spent = done.spent, crashes = done.crashes, started_at = done.started_at, finished_at = done.finished_at,
  result = done.result, error = done.error, note = done.note, node = NULL,
  cancel_reason = CASE WHEN done.state = 'waiting' THEN NULL ELSE run.cancel_reason END
FROM (
  SELECT (value ->> 0)::bigint AS id, (value ->> 1)::bigint AS token, value ->> 2 AS state, value ->> 3 AS reason,
    (value ->> 4)::bigint AS run_at, (value ->> 5)::bigint AS spent, (value ->> 6)::bigint AS crashes,
    (value ->> 7)::bigint AS started_at, (value ->> 8)::bigint AS finished_at, value ->> 9 AS result,
    value ->> 10 AS error, value ->> 11 AS note
  FROM jsonb_array_elements(CAST(:done AS jsonb))) AS done
WHERE run.id = done.id AND run.token = done.token AND run.node = :node AND run.state = 'running'
RETURNING run.id, run.task_id, run.attempt, run.token, run.kind;

-- name: insert_attempts
-- The attempts whose story does not stand on the run: all but a success at the first try.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT (value ->> 0)::bigint, (value ->> 1)::bigint, (value ->> 2)::bigint, value ->> 3, value ->> 4,
  (value ->> 5)::bigint, (value ->> 6)::bigint, value ->> 7, value ->> 8
FROM jsonb_array_elements(CAST(:attempts AS jsonb)) AS given (value)
ORDER BY 1, 3
ON CONFLICT (run_id, token) DO UPDATE SET attempt = excluded.attempt, node = excluded.node, state = excluded.state,
  started_at = excluded.started_at, finished_at = excluded.finished_at, error = excluded.error,
  note = coalesce(rota_attempt.note || '; ' || excluded.note, excluded.note, rota_attempt.note);

-- name: refused_by
-- What is known of outcomes that no longer hold: the run, and the story that its attempt has by now.
SELECT run.id, run.token, run.state, run.attempt, run.finished_at, told.state, told.finished_at
FROM jsonb_array_elements(CAST(:keys AS jsonb)) WITH ORDINALITY AS given (value, place)
JOIN rota_run AS run ON run.id = (value ->> 0)::bigint
LEFT JOIN rota_attempt AS told ON told.run_id = run.id AND told.token = (value ->> 1)::bigint
ORDER BY given.place;

-- name: note_late
-- A late answer is kept as a note on its attempt; what became of the attempt stays as it is.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT (value ->> 0)::bigint, (value ->> 1)::bigint, (value ->> 2)::bigint, value ->> 3, 'lost', (value ->> 4)::bigint,
  (value ->> 5)::bigint, value ->> 6, value ->> 7
FROM jsonb_array_elements(CAST(:late AS jsonb)) AS given (value)
ORDER BY 1, 3
ON CONFLICT (run_id, token) DO UPDATE
  SET note = coalesce(rota_attempt.note || '; ' || excluded.note, excluded.note, rota_attempt.note);

-- name: count_failures
-- Failed runs in a row, of each task; the tasks are locked in one order for all.
WITH failed AS (
  SELECT value::bigint AS id, count(*) AS runs FROM jsonb_array_elements_text(CAST(:tasks AS jsonb)) GROUP BY 1
), locked AS (
  SELECT task.id FROM rota_task AS task WHERE task.id = ANY (ARRAY(SELECT id FROM failed)) ORDER BY task.id FOR NO KEY UPDATE
)
UPDATE rota_task AS task SET failures = failures + failed.runs, failed = task.failed + failed.runs
FROM failed JOIN locked ON locked.id = failed.id
WHERE task.id = failed.id;

-- name: count_missed
-- Occurrences that were missed although they should not be; the tasks are locked in one order for all.
WITH late AS (
  SELECT value::bigint AS id, count(*) AS runs FROM jsonb_array_elements_text(CAST(:tasks AS jsonb)) GROUP BY 1
), locked AS (
  SELECT task.id FROM rota_task AS task WHERE task.id = ANY (ARRAY(SELECT id FROM late)) ORDER BY task.id FOR NO KEY UPDATE
)
UPDATE rota_task AS task SET missed = task.missed + late.runs FROM late JOIN locked ON locked.id = late.id WHERE task.id = late.id;

-- name: clear_failures
-- A success ends the row; most tasks have none, and are not written to.
WITH locked AS (
  SELECT task.id FROM rota_task AS task
  WHERE task.failures > 0 AND task.id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:tasks AS jsonb))))
  ORDER BY task.id FOR NO KEY UPDATE
)
UPDATE rota_task AS task SET failures = 0 FROM locked WHERE task.id = locked.id;

-- name: failing_too_long
-- Tasks that are to be paused by now, as their rota says.
SELECT id, service, name, failures FROM rota_task
WHERE id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:tasks AS jsonb))))
  AND pause_on_failure IS NOT NULL AND failures >= pause_on_failure AND paused_at IS NULL
ORDER BY id;

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
UPDATE rota_node SET beat_at = :now, lease = :lease, lease_until = CAST(:now AS bigint) + CAST(:lease AS bigint),
  beats = beats + 1, slots = :slots, busy = :busy, lag = :lag, clock_offset = :clock_offset
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
SELECT DISTINCT run.node FROM rota_run AS run
WHERE run.state = 'running' AND NOT EXISTS (
  SELECT 1 FROM rota_node AS node WHERE node.id = run.node AND node.state = 'live');

-- name: clamp_leases
-- A lease that ends later than a whole lease from now was given before the clock was set back.
UPDATE rota_node SET lease_until = CAST(:now AS bigint) + lease
WHERE state = 'live' AND lease_until > CAST(:now AS bigint) + lease + 1000000;

-- name: orphans
-- What a lost node held, with what decides whether it is tried again. Locked, in one order for all.
SELECT run.id, run.token, run.attempt, run.spent, run.crashes, run.cancel_reason, task.definition, run.kind, run.node, run.task_id,
  run.started_at
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND run.node = :node
ORDER BY run.id
FOR UPDATE OF run;

-- name: leave
-- A node that goes in order holds nothing. One that still does keeps its lease, which runs out at once, so that
-- what it holds is taken over: nobody looks after the runs of a node that has left.
UPDATE rota_node AS node SET beat_at = :now, busy = 0,
  state = CASE WHEN holds.any_run THEN node.state ELSE 'left' END,
  lease_until = CASE WHEN holds.any_run THEN least(node.lease_until, :now) ELSE node.lease_until END
FROM (SELECT EXISTS (SELECT 1 FROM rota_run AS run WHERE run.state = 'running' AND run.node = :id) AS any_run) AS holds
WHERE node.id = :id AND node.state = 'live';

-- name: live_nodes
-- Nodes, the latest first; all of them, or those that live.
SELECT id, label, services, queues, version, started_at, beat_at, lease_until, beats, state, slots, busy, lag,
  clock_offset
FROM rota_node WHERE state = 'live' OR CAST(:all AS boolean) ORDER BY started_at DESC;

-- name: insert_log
-- Lines are numbered on from the last of their run; the third value of each is its place among those given.
INSERT INTO rota_log (run_id, seq, attempt, at, source, text)
SELECT given.run_id,
  coalesce((SELECT max(there.seq) FROM rota_log AS there WHERE there.run_id = given.run_id), 0) + (value ->> 1)::bigint,
  (value ->> 2)::bigint, (value ->> 3)::bigint, value ->> 4, value ->> 5
FROM (
  SELECT (value ->> 0)::bigint AS run_id, value FROM jsonb_array_elements(CAST(:lines AS jsonb)) AS each (value)) AS given
WHERE EXISTS (SELECT 1 FROM rota_run AS run WHERE run.id = given.run_id);

-- name: set_progress
-- Only the holder of the token says how far a run has come.
UPDATE rota_run AS run SET progress = said.progress
FROM (
  SELECT (value ->> 0)::bigint AS id, (value ->> 1)::bigint AS token, value ->> 2 AS progress
  FROM jsonb_array_elements(CAST(:progress AS jsonb))) AS said
WHERE run.id = said.id AND run.token = said.token AND run.state = 'running';
