-- name: next_due
-- The earliest cursor: one probe of a partial index, whatever is registered.
SELECT next_at FROM rota_schedule WHERE next_at IS NOT NULL AND retired_at IS NULL ORDER BY next_at LIMIT 1;

-- name: due_schedules
-- The schedules that a fire accounts for, with their tasks' policies; the earliest first. They are locked until the end
-- of the transaction; what another node is at is passed over, since that one accounts for it.
SELECT schedule.id, schedule.task_id, task.service, task.name, schedule.key, schedule.rule, schedule.args,
  schedule.next_at, task.overlap, task.catch_up, task.catch_up_limit, task.deadline, task.queue, task.priority,
  task.enabled, task.paused_at IS NOT NULL
FROM rota_schedule AS schedule
JOIN rota_task AS task ON task.id = schedule.task_id
WHERE schedule.next_at <= :until AND schedule.next_at IS NOT NULL AND schedule.retired_at IS NULL
ORDER BY schedule.next_at
LIMIT :limit
FOR NO KEY UPDATE OF schedule SKIP LOCKED;

-- name: insert_runs
-- Occurrences become runs. One that has a record already is left as it is: exactly once is the unique key's word.
INSERT INTO rota_run (
  task_id, kind, scheduled_at, run_at, state, reason, schedule_id, lane, key, args, queue, priority, expires_at,
  covers_from, covers_count, note, requested_by, created_at, finished_at)
SELECT (value ->> 0)::bigint, value ->> 1, (value ->> 2)::bigint, (value ->> 3)::bigint, value ->> 4, value ->> 5,
  (value ->> 6)::bigint, (value ->> 7)::bigint, value ->> 8, value ->> 9, value ->> 10, (value ->> 11)::integer,
  (value ->> 12)::bigint, (value ->> 13)::bigint, (value ->> 14)::bigint, value ->> 15, value ->> 16,
  :now, CASE WHEN value ->> 4 = 'waiting' THEN NULL ELSE :now END
FROM jsonb_array_elements(CAST(:runs AS jsonb)) WITH ORDINALITY AS given (value, place)
ORDER BY place
ON CONFLICT DO NOTHING;

-- name: extend_ranges
-- A range that goes on where the last one of its schedule ended, for the same reason, is one range with it.
UPDATE rota_range AS there SET until_at = given.until_at, count = there.count + given.count
FROM (
  SELECT (value ->> 0)::bigint AS schedule_id, (value ->> 1)::bigint AS from_at, (value ->> 2)::bigint AS until_at,
    (value ->> 3)::bigint AS count, value ->> 4 AS reason, (value ->> 5)::bigint AS covered_by
  FROM jsonb_array_elements(CAST(:ranges AS jsonb))) AS given
WHERE there.id = (
    SELECT last.id FROM rota_range AS last
    WHERE last.schedule_id = given.schedule_id AND last.from_at < given.from_at ORDER BY last.from_at DESC LIMIT 1)
  AND there.until_at = given.from_at AND there.reason = given.reason AND there.covered_by IS NOT DISTINCT FROM given.covered_by;

-- name: insert_ranges
-- Ranges that are not part of one that is there; a covered one learns the id of the run that covers it.
INSERT INTO rota_range (schedule_id, from_at, until_at, count, reason, covered_by)
SELECT given.schedule_id, given.from_at, given.until_at, given.count, given.reason,
  coalesce(given.covered_by, (
    SELECT run.id FROM rota_run AS run
    WHERE run.schedule_id = given.schedule_id AND run.scheduled_at = given.covering AND run.kind = 'scheduled'))
FROM (
  SELECT (value ->> 0)::bigint AS schedule_id, (value ->> 1)::bigint AS from_at, (value ->> 2)::bigint AS until_at,
    (value ->> 3)::bigint AS count, value ->> 4 AS reason, (value ->> 5)::bigint AS covered_by,
    (value ->> 6)::bigint AS covering, place
  FROM jsonb_array_elements(CAST(:ranges AS jsonb)) WITH ORDINALITY AS each (value, place)) AS given
WHERE coalesce((
    SELECT there.until_at FROM rota_range AS there
    WHERE there.schedule_id = given.schedule_id AND there.from_at <= given.from_at ORDER BY there.from_at DESC LIMIT 1),
  given.from_at) <= given.from_at
ORDER BY given.place;

-- name: move_cursors
-- Compare and set: a cursor that another fire has moved meanwhile stays where that one put it, and never goes back.
UPDATE rota_schedule AS schedule SET next_at = moved.next_at, fired_at = greatest(schedule.fired_at, moved.fired_at)
FROM (
  SELECT (value ->> 0)::bigint AS id, (value ->> 1)::bigint AS was, (value ->> 2)::bigint AS next_at,
    (value ->> 3)::bigint AS fired_at
  FROM jsonb_array_elements(CAST(:cursors AS jsonb))) AS moved
WHERE schedule.id = moved.id AND schedule.next_at = moved.was;
