-- name: attempts
SELECT run_id, attempt, token, node, state, started_at, finished_at, error, note FROM rota_attempt
WHERE run_id = :id ORDER BY token;

-- name: attempts_between
-- The same of many runs at once, in their order.
SELECT run_id, attempt, token, node, state, started_at, finished_at, error, note FROM rota_attempt
WHERE run_id BETWEEN :first AND :last ORDER BY run_id, token;

-- name: log
SELECT run_id, attempt, at, source, text, seq FROM rota_log WHERE run_id = :id AND seq > :after ORDER BY seq LIMIT :limit;

-- name: ranges
SELECT schedule_id, from_at, until_at, count, reason, covered_by FROM rota_range
WHERE schedule_id = :schedule_id AND until_at > :since ORDER BY from_at LIMIT :limit;

-- name: counts
-- How the runs of each task went; what undoes is not among them, here as in what follows.
SELECT task.service, task.name, run.state, count(*)
FROM rota_task AS task JOIN rota_run AS run ON run.task_id = task.id
WHERE run.scheduled_at >= :since AND run.kind <> 'undo'
GROUP BY task.id, run.state;

-- name: touched
-- What a change of a service's tasks meets: runs that wait and run, and schedules that programs have added.
SELECT task.name, run.state, count(*)
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'waiting' AND task.service = :service GROUP BY task.id, run.state
UNION ALL
SELECT task.name, run.state, count(*)
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND task.service = :service GROUP BY task.id, run.state
UNION ALL
SELECT task.name, 'schedules', count(*)
FROM rota_schedule AS schedule JOIN rota_task AS task ON task.id = schedule.task_id
WHERE schedule.key <> '' AND schedule.retired_at IS NULL AND task.service = :service GROUP BY task.id;

-- name: durations
SELECT finished_at - started_at FROM (
  SELECT run.finished_at, run.started_at, run.state, run.kind
  FROM rota_task AS task JOIN rota_run AS run ON run.task_id = task.id
  WHERE task.service = :service AND task.name = :task
  ORDER BY run.id DESC LIMIT CAST(:limit AS bigint) * 4) AS latest
WHERE state = 'succeeded' AND kind <> 'undo' AND started_at IS NOT NULL LIMIT :limit;

-- name: run_columns
SELECT run.id, task.service, task.name, run.task_id, run.schedule_id, schedule.key, run.kind, run.scheduled_at, run.run_at,
  run.state, run.reason, run.note, run.key, run.args, run.queue, run.priority, run.attempt, run.spent, run.crashes, run.token,
  run.node, run.created_at,
  CASE WHEN run.state <> 'running' OR run.started_at <= :now THEN run.started_at END,  -- not yet: held until its instant
  run.finished_at, run.expires_at, run.covers_from, run.covers_count, run.result,
  run.error, run.progress, run.cancel_reason, run.requested_by
FROM rota_run AS run
JOIN rota_task AS task ON task.id = run.task_id
LEFT JOIN rota_schedule AS schedule ON schedule.id = run.schedule_id;
