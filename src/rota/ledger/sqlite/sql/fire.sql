-- name: next_due
-- The earliest cursor: one probe of a partial index, whatever is registered.
SELECT next_at FROM rota_schedule WHERE next_at IS NOT NULL AND retired_at IS NULL ORDER BY next_at LIMIT 1;

-- name: due_schedules
-- The schedules that a fire accounts for, with their tasks' policies; the earliest first.
SELECT json_group_array(json_array(
  id, task_id, service, name, key, rule, args, next_at, overlap, catch_up, catch_up_limit, deadline, queue,
  priority, enabled, paused))
FROM (
  SELECT schedule.id, schedule.task_id, task.service, task.name, schedule.key, schedule.rule, schedule.args,
    schedule.next_at, task.overlap, task.catch_up, task.catch_up_limit, task.deadline, task.queue, task.priority,
    task.enabled, task.paused_at IS NOT NULL AS paused
  FROM rota_schedule AS schedule INDEXED BY rota_schedule_due
  JOIN rota_task AS task ON task.id = schedule.task_id
  WHERE schedule.next_at <= :until AND schedule.next_at IS NOT NULL AND schedule.retired_at IS NULL
  ORDER BY schedule.next_at
  LIMIT :limit
);

-- name: insert_runs
-- Occurrences become runs. One that has a record already is left as it is: exactly once is the unique key's word.
INSERT INTO rota_run (
  task_id, kind, scheduled_at, run_at, state, reason, schedule_id, lane, key, args, queue, priority, expires_at,
  covers_from, covers_count, note, requested_by, created_at, finished_at)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
  value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13, value ->> 14, value ->> 15,
  value ->> 16, :now, CASE WHEN value ->> 4 = 'waiting' THEN NULL ELSE :now END
FROM json_each(:runs)
WHERE true
ON CONFLICT DO NOTHING;

-- name: extend_ranges
-- A range that goes on where the last one of its schedule ended, for the same reason, is one range with it.
UPDATE rota_range SET until_at = given.until_at, count = rota_range.count + given.count
FROM (
  SELECT value ->> 0 AS schedule_id, value ->> 1 AS from_at, value ->> 2 AS until_at, value ->> 3 AS count,
    value ->> 4 AS reason, value ->> 5 AS covered_by
  FROM json_each(:ranges)) AS given
WHERE rota_range.id = (
    SELECT id FROM rota_range AS last
    WHERE last.schedule_id = given.schedule_id AND last.from_at < given.from_at ORDER BY last.from_at DESC LIMIT 1)
  AND rota_range.until_at = given.from_at AND rota_range.reason = given.reason AND rota_range.covered_by IS given.covered_by;

-- name: insert_ranges
-- Ranges that are not part of one that is there; a covered one learns the id of the run that covers it.
INSERT INTO rota_range (schedule_id, from_at, until_at, count, reason, covered_by)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
  coalesce(value ->> 5, (
    SELECT id FROM rota_run
    WHERE rota_run.schedule_id = value ->> 0 AND rota_run.scheduled_at = value ->> 6 AND rota_run.kind = 'scheduled'))
FROM json_each(:ranges)
WHERE coalesce((
    SELECT there.until_at FROM rota_range AS there
    WHERE there.schedule_id = value ->> 0 AND there.from_at <= value ->> 1 ORDER BY there.from_at DESC LIMIT 1),
  value ->> 1) <= value ->> 1;

-- name: move_cursors
-- Compare and set: a cursor that another fire has moved meanwhile stays where that one put it, and never goes back.
UPDATE rota_schedule SET next_at = moved.next_at, fired_at = max(coalesce(rota_schedule.fired_at, moved.fired_at), moved.fired_at)
FROM (SELECT value ->> 0 AS id, value ->> 1 AS was, value ->> 2 AS next_at, value ->> 3 AS fired_at FROM json_each(:cursors)) AS moved
WHERE rota_schedule.id = moved.id AND rota_schedule.next_at = moved.was;
