-- name: claim_head
-- All that a claim goes by, in one answer: whether the node's lease holds, the rota's state, which tasks are held back
-- by a person, the queues that have limits, and the queues and priorities at which something waits.
SELECT json_array(
  (SELECT state FROM rota_node WHERE id = :node),
  (SELECT value FROM rota_meta WHERE key = 'tasks'),
  json((SELECT json_group_array(id) FROM rota_task INDEXED BY rota_task_held WHERE paused_at IS NOT NULL OR enabled = 0)),
  json((SELECT json_group_array(json_array(name, rate, concurrency, tokens, refilled_at, paused,
     CASE WHEN concurrency IS NOT NULL THEN
       (SELECT count(*) FROM rota_run INDEXED BY rota_run_running WHERE state = 'running' AND rota_run.queue = rota_queue.name)
     END))
   FROM rota_queue WHERE paused = 1 OR rate IS NOT NULL OR concurrency IS NOT NULL)),
  json((WITH RECURSIVE step (queue, priority) AS (
     -- Skips from one entry of the index to the next that differs. Not by (queue, priority) > (...), by which SQLite would
     -- read all that waits at each level.
     SELECT * FROM (SELECT queue, priority FROM rota_run WHERE state = 'waiting' ORDER BY queue, priority LIMIT 1)
     UNION ALL
     SELECT next.queue, next.priority FROM step JOIN rota_run AS next ON next.id = coalesce(
       (SELECT id FROM rota_run WHERE state = 'waiting' AND queue = step.queue AND priority > step.priority
        ORDER BY priority LIMIT 1),
       (SELECT id FROM rota_run WHERE state = 'waiting' AND queue > step.queue ORDER BY queue, priority LIMIT 1))
   )
   SELECT json_group_array(json_array(queue, priority)) FROM step)));

-- name: task_facts
-- Of every task what a claim needs; asked for anew when the rota has changed.
SELECT json_group_array(json_array(id, service, name, overlap, concurrency, retired_at IS NOT NULL)) FROM rota_task;

-- name: running_of
-- How many runs of the tasks with a limit of their own are running.
SELECT json_group_array(json_array(task_id, running)) FROM (
  SELECT task_id, count(*) AS running FROM rota_run INDEXED BY rota_run_running
  WHERE state = 'running' AND task_id IN (SELECT value FROM json_each(:tasks)) GROUP BY task_id);

-- name: claim_candidates
-- What of a queue and priority may start, or has to be skipped or declared missed instead, in the order of its time.
-- What only waits behind something else is left out here, so that it does not stand in the way of others:
--   blocked: tasks that this node does not have, that are retired, or of which as many run as may
--   held: tasks that are paused or disabled; only what a person asks for starts
SELECT json_group_array(json_array(
  id, task_id, schedule_key, kind, scheduled_at, run_at, attempt, spent, crashes, key, args, covers_from, covers_count,
  lane, expires_at, busy))
FROM (
  SELECT run.id, run.task_id, schedule.key AS schedule_key, run.kind, run.scheduled_at, run.run_at, run.attempt, run.spent,
    run.crashes, run.key, run.args, run.covers_from, run.covers_count, run.lane, run.expires_at,
    run.lane IS NOT NULL AND EXISTS (
      SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running') AS busy
  FROM rota_run AS run INDEXED BY rota_run_waiting
  LEFT JOIN rota_schedule AS schedule ON schedule.id = run.schedule_id
  WHERE run.state = 'waiting' AND run.queue = :queue AND run.priority = :priority AND run.run_at <= :until
    AND run.task_id NOT IN (SELECT value FROM json_each(:blocked))
    AND (run.task_id NOT IN (SELECT value FROM json_each(:held)) OR run.kind IN ('manual', 'undo'))
    AND (
      run.lane IS NULL
      OR NOT EXISTS (SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.state = 'running')
      OR (run.attempt = 0 AND run.expires_at <= :now)
      -- an occurrence that is due while its lane is busy; a retry, and what a person reopened, waits
      OR (run.kind = 'scheduled' AND run.attempt = 0 AND run.reason = 'due' AND run.run_at <= :now
        AND CASE (SELECT overlap FROM rota_task WHERE rota_task.id = run.task_id)
          WHEN 'skip' THEN true
          -- one waits, the oldest
          WHEN 'queue' THEN EXISTS (
            SELECT 1 FROM rota_run AS older
            WHERE older.lane = run.lane AND older.state = 'waiting' AND older.scheduled_at < run.scheduled_at
              AND older.kind = 'scheduled')
          -- one waits, the newest, and the running one is asked to stop, once
          WHEN 'cancel' THEN EXISTS (
            SELECT 1 FROM rota_run AS newer
            WHERE newer.lane = run.lane AND newer.state = 'waiting' AND newer.scheduled_at > run.scheduled_at
              AND newer.kind = 'scheduled' AND newer.run_at <= :now)
            OR EXISTS (
              SELECT 1 FROM rota_run AS other
              WHERE other.lane = run.lane AND other.state = 'running' AND other.cancel_reason IS NULL
                AND other.kind <> 'undo')
        END))
  ORDER BY run.run_at
  LIMIT :limit
);

-- name: newer_waits
-- Whether a younger due occurrence waits in the same lane: under overlap = cancel that one is started instead.
SELECT EXISTS (
  SELECT 1 FROM rota_run
  WHERE lane = :lane AND state = 'waiting' AND kind = 'scheduled' AND scheduled_at > :scheduled_at AND run_at <= :now);

-- name: supersede
-- Ask the running run of a lane to stop; its node hears of it with its next heartbeat. Not what undoes something: the
-- next occurrence waits for that.
UPDATE rota_run SET cancel_reason = 'superseded' WHERE lane = :lane AND state = 'running' AND cancel_reason IS NULL
  AND kind <> 'undo';

-- name: take_tokens
-- A token for each run of a batch, all greater than any before.
UPDATE rota_meta SET value = value + :count WHERE key = 'token' RETURNING value;

-- name: claim_runs
-- Take what was chosen, and say what was taken. The guard is that the run is as it was when it was chosen: it waits, for
-- the same attempt, time and arguments, since its key may have been moved meanwhile; the unique lane is the last word on
-- overlap. What is claimed ahead is held until its instant; the outcome brings the exact start.
UPDATE rota_run SET state = 'running', reason = NULL, attempt = rota_run.attempt + 1, token = taken.token, node = :node,
  started_at = max(rota_run.run_at, :now), progress = NULL
FROM (
  SELECT value ->> 0 AS id, value ->> 1 AS token, value ->> 2 AS attempt, value ->> 3 AS run_at, value ->> 4 AS args
  FROM json_each(:taken)) AS taken
WHERE rota_run.id = taken.id AND rota_run.state = 'waiting' AND rota_run.attempt = taken.attempt
  AND rota_run.run_at = taken.run_at AND (rota_run.key IS NULL OR rota_run.args IS taken.args)
RETURNING rota_run.id;

-- name: holdings
-- What a node holds, as a claim would have told it: asked for after a claim whose answer was lost.
SELECT run.id, task.service, task.name, (SELECT schedule.key FROM rota_schedule AS schedule WHERE schedule.id = run.schedule_id),
  run.kind, run.scheduled_at, run.run_at, run.attempt, run.token, run.spent, run.crashes, run.key, run.args, run.covers_from,
  run.covers_count
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND run.node = :node ORDER BY run.token;

-- name: settle_unstarted
-- Skipped and missed: runs that end without ever having run. One that was moved to another time meanwhile is left alone.
UPDATE rota_run SET state = ended.state, reason = ended.reason, note = coalesce(ended.note, rota_run.note), finished_at = :now
FROM (
  SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS note, value ->> 4 AS run_at,
    value ->> 5 AS expires_at
  FROM json_each(:ended)) AS ended
WHERE rota_run.id = ended.id AND rota_run.state = 'waiting' AND rota_run.run_at = ended.run_at
  AND rota_run.expires_at IS ended.expires_at
RETURNING task_id, state;

-- name: set_tokens
-- What is left in a queue's bucket, as of now.
UPDATE rota_queue SET tokens = :tokens, refilled_at = :now WHERE name = :name;

-- name: next_waiting
-- When the earliest waiting run may be claimed: the first of each queue and level, from one to the next as in `claim_head`.
SELECT min(run_at) FROM (
  SELECT (SELECT min(first.run_at) FROM rota_run AS first
    WHERE first.state = 'waiting' AND first.queue = line.queue AND first.priority = line.priority) AS run_at
  FROM (
    WITH RECURSIVE step (queue, priority) AS (
      SELECT * FROM (SELECT queue, priority FROM rota_run WHERE state = 'waiting' ORDER BY queue, priority LIMIT 1)
      UNION ALL
      SELECT next.queue, next.priority FROM step JOIN rota_run AS next ON next.id = coalesce(
        (SELECT id FROM rota_run WHERE state = 'waiting' AND queue = step.queue AND priority > step.priority
         ORDER BY priority LIMIT 1),
        (SELECT id FROM rota_run WHERE state = 'waiting' AND queue > step.queue ORDER BY queue, priority LIMIT 1))
    )
    SELECT queue, priority FROM step) AS line);
