-- name: current_revision
SELECT number, digest, confirm_by FROM rota_revision WHERE service = :service ORDER BY number DESC LIMIT 1;

-- name: services
-- The services that have a rota, by name: each has had a first one.
SELECT service FROM rota_revision WHERE number = 1 ORDER BY service;

-- name: confirm
-- It stays; only as long as it is the current one and waits for that.
UPDATE rota_revision SET confirm_by = NULL
WHERE service = :service AND number = :number AND confirm_by IS NOT NULL
  AND number = (SELECT max(number) FROM rota_revision WHERE service = :service);

-- name: unconfirmed
-- The current revisions that wait for their confirmation.
SELECT service, number, confirm_by FROM rota_revision AS revision WHERE confirm_by IS NOT NULL
  AND number = (SELECT max(number) FROM rota_revision WHERE service = revision.service) ORDER BY service;

-- name: insert_revision
INSERT INTO rota_revision (service, number, digest, definition, author, reason, applied_at, assumptions, git_commit, git_dirty, tool, restores, confirm_by, measures)
VALUES (:service, :number, :digest, :definition, :author, :reason, :now, :assumptions, :git_commit, :git_dirty, :tool, :restores, :confirm_by, :measures);

-- name: upsert_tasks
-- A task that comes back is the one it was: its history, its pause and its run-time schedules are its own again.
INSERT INTO rota_task (service, name, definition, revision, overlap, catch_up, catch_up_limit, queue, priority, enabled,
  concurrency, deadline, pause_on_failure)
SELECT :service, value ->> 0, value ->> 1, CAST(:revision AS bigint), value ->> 2, value ->> 3, (value ->> 4)::bigint,
  value ->> 5, (value ->> 6)::integer, (value ->> 7)::integer::boolean, (value ->> 8)::bigint, (value ->> 9)::bigint,
  (value ->> 10)::bigint
FROM jsonb_array_elements(CAST(:tasks AS jsonb)) WITH ORDINALITY AS given (value, place)
ORDER BY place
ON CONFLICT (service, name) DO UPDATE SET
  definition = excluded.definition, revision = excluded.revision, overlap = excluded.overlap,
  catch_up = excluded.catch_up, catch_up_limit = excluded.catch_up_limit, queue = excluded.queue,
  priority = excluded.priority, enabled = excluded.enabled, concurrency = excluded.concurrency,
  deadline = excluded.deadline, pause_on_failure = excluded.pause_on_failure, retired_at = NULL;

-- name: retire_missing_tasks
UPDATE rota_task SET retired_at = :now
WHERE service = :service AND retired_at IS NULL AND revision < :revision;

-- name: retire_schedules_of_retired
-- A revision that removes a task retires its schedules; one that brings it back brings them back.
UPDATE rota_schedule SET retired_at = :now
WHERE retired_at IS NULL AND task_id IN (SELECT id FROM rota_task WHERE service = :service AND retired_at IS NOT NULL);

-- name: tasks_back
-- Tasks of this revision that were retired until now.
SELECT id FROM rota_task
WHERE service = :service AND retired_at IS NOT NULL
  AND name IN (SELECT value ->> 0 FROM jsonb_array_elements(CAST(:tasks AS jsonb)));

-- name: schedules_back
-- The run-time schedules that went with their tasks, and are back with them; their cursors stand where they stood,
-- and are made up for.
UPDATE rota_schedule SET retired_at = NULL
WHERE key <> '' AND retired_at IS NOT NULL AND next_at IS NOT NULL
  AND task_id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:back AS jsonb))));

-- name: own_schedules
SELECT task.name, schedule.rule, schedule.retired_at, schedule.next_at, schedule.fired_at
FROM rota_task AS task JOIN rota_schedule AS schedule ON schedule.task_id = task.id AND schedule.key = ''
WHERE task.service = :service;

-- name: put_own_schedules
INSERT INTO rota_schedule (task_id, key, rule, next_at, created_at, ruled_at)
SELECT task.id, '', value ->> 1, (value ->> 2)::bigint, :now, :now
FROM jsonb_array_elements(CAST(:schedules AS jsonb)) AS given (value)
JOIN rota_task AS task ON task.service = :service AND task.name = value ->> 0
ORDER BY task.id
ON CONFLICT (task_id, key) DO UPDATE SET rule = excluded.rule, retired_at = NULL,
  ruled_at = CASE WHEN rota_schedule.rule = excluded.rule AND rota_schedule.retired_at IS NULL THEN rota_schedule.ruled_at
    ELSE excluded.ruled_at END,
  -- never back behind an occurrence that has a record: the next fire looks from there. NULL stays NULL.
  next_at = CASE WHEN excluded.next_at IS NOT NULL THEN greatest(excluded.next_at, rota_schedule.fired_at + 1) END;

-- name: retire_own_schedules
UPDATE rota_schedule SET retired_at = :now
WHERE key = '' AND retired_at IS NULL AND task_id IN (
  SELECT task.id FROM rota_task AS task
  WHERE task.service = :service AND task.name IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb))));

-- name: upsert_queue
INSERT INTO rota_queue (name, weight, rate, concurrency)
VALUES (:name, :weight, CAST(:rate AS double precision), CAST(:concurrency AS bigint))
ON CONFLICT (name) DO UPDATE SET weight = excluded.weight, rate = excluded.rate, concurrency = excluded.concurrency;

-- name: lift_queues
-- A queue that the rota limits no longer is as if it never had; but for one that another service's rota limits. It stays
-- paused where somebody paused it.
UPDATE rota_queue SET weight = 1, rate = NULL, concurrency = NULL
WHERE name IN (SELECT jsonb_array_elements_text(CAST(:names AS jsonb))) AND name NOT IN (
  SELECT queue.key FROM rota_revision AS revision, jsonb_each(CAST(revision.definition AS jsonb) -> 'queues') AS queue
  WHERE revision.service <> :service AND revision.number = (
    SELECT max(newest.number) FROM rota_revision AS newest WHERE newest.service = revision.service));

-- name: tasks_changed
INSERT INTO rota_meta (key, value) VALUES ('tasks', '1')
ON CONFLICT (key) DO UPDATE SET value = (rota_meta.value::bigint + 1)::text;

-- name: tasks_version
SELECT value::bigint FROM rota_meta WHERE key = 'tasks';

-- name: put_schedules
-- Schedules that a program adds, or moves if their key is there. A cursor never goes back behind a record.
INSERT INTO rota_schedule (task_id, key, rule, args, next_at, created_at, ruled_at)
SELECT task.id, value ->> 2, value ->> 3, value ->> 4, (value ->> 5)::bigint, :now, :now
FROM jsonb_array_elements(CAST(:schedules AS jsonb)) AS given (value)
JOIN rota_task AS task ON task.service = value ->> 0 AND task.name = value ->> 1 AND task.retired_at IS NULL
ORDER BY task.id, value ->> 2  -- the same order of locks for all who do this at once
ON CONFLICT (task_id, key) DO UPDATE SET
  rule = excluded.rule, args = excluded.args, retired_at = NULL,
  ruled_at = CASE WHEN rota_schedule.rule = excluded.rule AND rota_schedule.retired_at IS NULL THEN rota_schedule.ruled_at
    ELSE excluded.ruled_at END,
  next_at = CASE
    WHEN rota_schedule.rule = excluded.rule AND rota_schedule.retired_at IS NULL THEN rota_schedule.next_at
    WHEN excluded.next_at IS NOT NULL THEN greatest(excluded.next_at, rota_schedule.fired_at + 1)
  END;

-- name: retire_schedules
-- What a program takes away has no cursor any more: so it does not come back with its task, see schedules_back.
UPDATE rota_schedule SET retired_at = :now, next_at = NULL
WHERE retired_at IS NULL AND key <> ''
  AND key = ANY (ARRAY(SELECT jsonb_array_elements_text(CAST(:keys AS jsonb))))
  AND task_id = (SELECT id FROM rota_task WHERE service = :service AND name = :task);

-- name: revisions
SELECT service, number, digest, definition, author, reason, applied_at, assumptions, git_commit, git_dirty, tool, restores, measures, confirm_by FROM rota_revision
WHERE (CAST(:service AS text) IS NULL OR service = CAST(:service AS text))
  AND (CAST(:number AS bigint) IS NULL OR number = CAST(:number AS bigint))
ORDER BY applied_at DESC, number DESC LIMIT :limit;

-- name: tasks
SELECT id, service, name, definition, revision, queue, retired_at, paused_at, paused_until, paused_reason, paused_by, failures
FROM rota_task
WHERE (CAST(:service AS text) IS NULL OR service = CAST(:service AS text)) AND (retired_at IS NULL OR CAST(:retired AS boolean))
ORDER BY service, name;

-- name: schedule_columns
-- A retired schedule has no next occurrence, though it keeps its cursor in case that its task comes back.
SELECT schedule.id, schedule.task_id, task.service, task.name, schedule.key, schedule.rule, schedule.args,
  CASE WHEN schedule.retired_at IS NULL THEN schedule.next_at END, schedule.fired_at, schedule.created_at, schedule.retired_at,
  coalesce(schedule.ruled_at, schedule.created_at)
FROM rota_schedule AS schedule JOIN rota_task AS task ON task.id = schedule.task_id;

-- name: schedules_due
-- Live schedules whose cursor is there by an instant, through the index of what is due.
SELECT schedule.id, schedule.task_id, task.service, task.name, schedule.key, schedule.rule, schedule.args,
  schedule.next_at, schedule.fired_at, schedule.created_at, schedule.retired_at,
  coalesce(schedule.ruled_at, schedule.created_at)
FROM rota_schedule AS schedule
JOIN rota_task AS task ON task.id = schedule.task_id
WHERE schedule.next_at IS NOT NULL AND schedule.retired_at IS NULL AND schedule.next_at <= :due_by;

-- name: zones
SELECT value FROM rota_meta WHERE key = 'zones';

-- name: set_zones
INSERT INTO rota_meta (key, value) VALUES ('zones', :version) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: rezone
-- New zone data move occurrences that are still to come; what has a record keeps it.
UPDATE rota_schedule AS schedule SET next_at = moved.next_at
FROM (
  SELECT (value ->> 0)::bigint AS id, (value ->> 1)::bigint AS was, (value ->> 2)::bigint AS next_at
  FROM jsonb_array_elements(CAST(:moves AS jsonb))) AS moved
WHERE schedule.id = moved.id AND schedule.next_at = moved.was
  AND (schedule.fired_at IS NULL OR moved.next_at IS NULL OR moved.next_at > schedule.fired_at);
