-- name: waiting_by_key
SELECT id FROM rota_run WHERE task_id = :task_id AND key = :key AND state = 'waiting' AND attempt = 0;

-- name: move_waiting
-- The same key again: the run that has not started is moved to the new time and arguments.
UPDATE rota_run SET run_at = :run_at, scheduled_at = :scheduled_at, args = :args, priority = :priority, kind = :kind,
  reason = :reason, expires_at = :expires_at, queue = :queue
WHERE id = :id AND state = 'waiting' AND attempt = 0;

-- name: insert_run
INSERT INTO rota_run (
  task_id, kind, scheduled_at, run_at, state, reason, schedule_id, lane, key, args, queue, priority, expires_at,
  covers_from, covers_count, note, requested_by, created_at)
VALUES (:task_id, :kind, :scheduled_at, :run_at, :state, :reason, :schedule_id, :lane, :key, :args, :queue, :priority,
  :expires_at, :covers_from, :covers_count, :note, :requested_by, :now)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: state_of
SELECT state, attempt FROM rota_run WHERE id = :id;

-- name: withdraw
UPDATE rota_run SET state = 'cancelled', reason = :reason, finished_at = :now, note = :note, requested_by = :actor
WHERE id = :id AND state = 'waiting';

-- name: ask_to_stop
UPDATE rota_run SET cancel_reason = coalesce(cancel_reason, :reason) WHERE id = :id AND state = 'running';

-- name: reopen
UPDATE rota_run SET state = 'waiting', reason = 'retry', run_at = :now, finished_at = NULL, cancel_reason = NULL,
  expires_at = NULL, spent = :spent, crashes = 0, note = NULL
WHERE id = :id AND state IN ('succeeded', 'failed', 'cancelled', 'skipped', 'missed');

-- name: pause
-- A pause that is made longer is still the same pause: what it left out is counted from its beginning.
UPDATE rota_task SET paused_at = coalesce(paused_at, :now), paused_until = :until, paused_reason = :reason, paused_by = :actor
WHERE id = :id AND retired_at IS NULL;

-- name: resume
UPDATE rota_task SET paused_at = NULL, paused_until = NULL, paused_reason = NULL, paused_by = NULL, failures = 0
WHERE id = :id AND paused_at IS NOT NULL;

-- name: insert_change
INSERT INTO rota_change (at, actor, action, subject, reason, detail)
VALUES (:at, :actor, :action, :subject, :reason, :detail);

-- name: changes
SELECT at, actor, action, subject, reason, detail, id FROM rota_change
WHERE :subject IS NULL OR subject = :subject ORDER BY id DESC LIMIT :limit;
