-- name: waiting_by_key
-- The run that a key names, if it has not started.
SELECT id FROM rota_run WHERE task_id = :task_id AND key = :key AND state = 'waiting' AND attempt = 0;

-- name: move_waiting
-- The same key again: the run that has not started is moved to the new time and arguments.
UPDATE rota_run SET run_at = :run_at, scheduled_at = :scheduled_at, args = :args, priority = :priority, kind = :kind,
  reason = :reason, expires_at = :expires_at, queue = :queue
WHERE id = :id AND state = 'waiting' AND attempt = 0;

-- name: insert_run
-- One run; where its occurrence has a record already, none.
INSERT INTO rota_run (
  task_id, kind, scheduled_at, run_at, state, reason, schedule_id, lane, key, args, queue, priority, expires_at,
  covers_from, covers_count, note, requested_by, created_at, finished_at)
VALUES (:task_id, :kind, :scheduled_at, :run_at, :state, :reason, :schedule_id, :lane, :key, :args, :queue, :priority,
  :expires_at, :covers_from, :covers_count, :note, :requested_by, :now, CASE WHEN :state = 'waiting' THEN NULL ELSE :now END)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: run_of_occurrence_of_kind
-- The run that an occurrence, or its backfill, has already.
SELECT id FROM rota_run WHERE schedule_id = :schedule_id AND scheduled_at = :scheduled_at AND kind = :kind;

-- name: insert_many
-- Runs without a key or an occurrence, of which none can be there already; their ids, which rise in the order of the rows.
INSERT INTO rota_run (
  task_id, kind, scheduled_at, run_at, state, reason, schedule_id, lane, key, args, queue, priority, expires_at,
  covers_from, covers_count, note, requested_by, created_at, finished_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
  value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15,
  value ->> 16, :now, CASE WHEN value ->> 4 = 'waiting' THEN NULL ELSE :now END
FROM json_each(:runs)
WHERE true
RETURNING id;

-- name: state_of
-- A run's state, and what decides whether it may be tried again.
SELECT run.state, run.spent, json_extract(task.definition, '$.retry.attempts')
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id WHERE run.id = :id;

-- name: withdraw
-- A run that has not started is cancelled at once; the state is the guard against a claim that was quicker.
UPDATE rota_run SET state = 'cancelled', reason = :reason, finished_at = :now, note = :note, requested_by = :actor
WHERE id = :id AND state = 'waiting';

-- name: ask_to_stop
-- A running one is asked; its node hears of it with its next heartbeat. The first reason stands.
UPDATE rota_run SET cancel_reason = coalesce(cancel_reason, :reason) WHERE id = :id AND state = 'running';

-- name: reopen
-- Once more. Not where another run of the same key waits that has not started: a key names one such run at most.
-- What was taken back before its instant came is not started before that either.
UPDATE rota_run SET state = 'waiting', reason = 'retry', run_at = max(:now, scheduled_at), finished_at = NULL, cancel_reason = NULL,
  expires_at = NULL, spent = :spent, crashes = 0, note = NULL
WHERE id = :id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped', 'missed')
  AND NOT (attempt = 0 AND key IS NOT NULL AND EXISTS (
    SELECT 1 FROM rota_run AS other
    WHERE other.task_id = rota_run.task_id AND other.key = rota_run.key AND other.state = 'waiting' AND other.attempt = 0));

-- name: keep_story
-- Before a run is tried once more: the attempt whose story stands on the run itself gets a row of its own.
INSERT INTO rota_attempt (run_id, attempt, token, node, state, started_at, finished_at, error, note)
SELECT run.id, run.attempt, run.token, coalesce(run.node, ''), run.state, run.started_at, run.finished_at, run.error, run.note
FROM rota_run AS run WHERE run.id = :id AND run.token IS NOT NULL AND run.attempt > 0
ON CONFLICT DO NOTHING;

-- name: pause
-- A pause that is made longer is still the same pause: what it left out is counted from its beginning.
UPDATE rota_task SET paused_at = coalesce(paused_at, :now), paused_until = :until, paused_reason = :reason, paused_by = :actor
WHERE id = :id AND retired_at IS NULL;

-- name: resume
-- The end of a pause also ends the row of failures that may have led to it.
UPDATE rota_task SET paused_at = NULL, paused_until = NULL, paused_reason = NULL, paused_by = NULL, failures = 0
WHERE id = :id AND paused_at IS NOT NULL;

-- name: insert_change
-- The audit is only ever added to.
INSERT INTO rota_change (at, actor, action, subject, reason, detail)
VALUES (:at, :actor, :action, :subject, :reason, :detail);

-- name: changes
-- The audit, newest first.
SELECT at, actor, action, subject, reason, detail, id FROM rota_change ORDER BY id DESC LIMIT :limit;

-- name: changes_of
-- The audit of one subject, newest first.
SELECT at, actor, action, subject, reason, detail, id FROM rota_change
WHERE subject = :subject ORDER BY id DESC LIMIT :limit;
