-- name: foreign_tasks
-- Live tasks that the asking node does not have; normally none.
SELECT json_group_array(id) FROM rota_task
WHERE retired_at IS NULL AND service || '/' || name NOT IN (SELECT value FROM json_each(:known));

-- name: waiting_levels
-- The priorities at which something waits in a queue, highest first, by skipping through the index.
WITH RECURSIVE level (priority) AS (
  SELECT max(priority) FROM rota_run WHERE state = 'waiting' AND queue = :queue
  UNION ALL
  SELECT (SELECT max(priority) FROM rota_run WHERE state = 'waiting' AND queue = :queue AND priority < level.priority)
  FROM level WHERE level.priority IS NOT NULL
)
SELECT json_group_array(priority) FROM level WHERE priority IS NOT NULL;

-- name: claim_candidates
-- What of a queue and priority may start, or has to be skipped or declared missed instead, in the order of its
-- time. What only waits behind something else is left out here, so that it does not stand in the way of others.
SELECT json_group_array(json_array(
  id, task_id, service, name, schedule_key, kind, scheduled_at, run_at, attempt, spent, crashes, key, args, covers_from,
  covers_count, lane, overlap, expires_at, busy, room, :queue))
FROM (
  SELECT run.id, run.task_id, task.service, task.name, schedule.key AS schedule_key, run.kind, run.scheduled_at,
    run.run_at, run.attempt, run.spent, run.crashes, run.key, run.args, run.covers_from, run.covers_count, run.lane,
    task.overlap, run.expires_at,
    -- whether another run of its lane is running
    run.lane IS NOT NULL AND EXISTS (
      SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running') AS busy,
    -- how many more of its task may run at once
    CASE WHEN task.concurrency IS NOT NULL THEN task.concurrency - (
      SELECT count(*) FROM rota_run AS other WHERE other.task_id = run.task_id AND other.state = 'running') END AS room
  FROM rota_run AS run INDEXED BY rota_run_waiting
  JOIN rota_task AS task ON task.id = run.task_id
  LEFT JOIN rota_schedule AS schedule ON schedule.id = run.schedule_id
  WHERE run.state = 'waiting' AND run.queue = :queue AND run.priority = :priority AND run.run_at <= :until
    AND task.retired_at IS NULL
    AND ((task.paused_at IS NULL AND task.enabled = 1) OR run.kind = 'manual')
    AND run.task_id NOT IN (SELECT value FROM json_each(:foreign))
    AND (task.concurrency IS NULL OR task.concurrency > (
      SELECT count(*) FROM rota_run AS other WHERE other.task_id = run.task_id AND other.state = 'running'))
    AND (
      run.lane IS NULL
      OR NOT EXISTS (SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running')
      OR (run.expires_at IS NOT NULL AND run.expires_at <= :now)
      OR (run.kind = 'scheduled' AND run.attempt = 0 AND run.run_at <= :now AND (
        task.overlap = 'skip'
        OR (task.overlap = 'queue' AND EXISTS (
          SELECT 1 FROM rota_run AS older
          WHERE older.lane = run.lane AND older.state = 'waiting' AND older.scheduled_at < run.scheduled_at))
        OR (task.overlap = 'cancel' AND (
          EXISTS (
            SELECT 1 FROM rota_run AS newer
            WHERE newer.lane = run.lane AND newer.state = 'waiting' AND newer.scheduled_at > run.scheduled_at
              AND newer.run_at <= :now)
          OR EXISTS (
            SELECT 1 FROM rota_run AS other
            WHERE other.lane = run.lane AND other.state = 'running' AND other.cancel_reason IS NULL))))))
  ORDER BY run.run_at
  LIMIT :limit
);

-- name: newer_waits
-- Whether a younger due occurrence waits in the same lane: under overlap = cancel that one is started instead.
SELECT EXISTS (
  SELECT 1 FROM rota_run
  WHERE lane = :lane AND state = 'waiting' AND scheduled_at > :scheduled_at AND run_at <= :now);

-- name: supersede
-- Ask the running run of a lane to stop; its node hears of it with its next heartbeat.
UPDATE rota_run SET cancel_reason = 'superseded' WHERE lane = :lane AND state = 'running' AND cancel_reason IS NULL;

-- name: take_tokens
UPDATE rota_meta SET value = value + :count WHERE key = 'token' RETURNING value;

-- name: claim_runs
-- Take what was chosen; the state is the guard, and the unique lane is the last word on overlap.
UPDATE rota_run SET state = 'running', reason = NULL, attempt = attempt + 1, token = taken.token, node = :node,
  started_at = NULL, progress = NULL
FROM (SELECT value ->> 0 AS id, value ->> 1 AS token FROM json_each(:taken)) AS taken
WHERE rota_run.id = taken.id AND rota_run.state = 'waiting';

-- name: settle_unstarted
-- Skipped and missed: runs that end without ever having run.
UPDATE rota_run SET state = ended.state, reason = ended.reason, note = ended.note, finished_at = :now
FROM (SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS note FROM json_each(:ended)) AS ended
WHERE rota_run.id = ended.id AND rota_run.state = 'waiting';

-- name: queue_limits
SELECT name, rate, concurrency, tokens, refilled_at FROM rota_queue
WHERE paused = 0 AND (rate IS NOT NULL OR concurrency IS NOT NULL);

-- name: paused_queues
SELECT name FROM rota_queue WHERE paused = 1;

-- name: queue_running
SELECT count(*) FROM rota_run INDEXED BY rota_run_running WHERE state = 'running' AND queue = :queue;

-- name: set_tokens
UPDATE rota_queue SET tokens = :tokens, refilled_at = :now WHERE name = :name;

-- name: next_waiting
-- When the earliest waiting run may be claimed: the first of each queue and level.
SELECT min(run_at) FROM (
  SELECT (SELECT min(first.run_at) FROM rota_run AS first
    WHERE first.state = 'waiting' AND first.queue = line.queue AND first.priority = line.priority) AS run_at
  FROM (
    WITH RECURSIVE step (queue, priority) AS (
      SELECT * FROM (SELECT queue, priority FROM rota_run WHERE state = 'waiting' ORDER BY queue, priority LIMIT 1)
      UNION ALL
      SELECT next.queue, next.priority FROM step JOIN rota_run AS next ON next.id = (
        SELECT id FROM rota_run
        WHERE state = 'waiting' AND (queue, priority) > (step.queue, step.priority)
        ORDER BY queue, priority LIMIT 1)
    )
    SELECT queue, priority FROM step) AS line);
