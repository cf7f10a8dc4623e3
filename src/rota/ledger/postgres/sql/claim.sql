-- name: claim_head
-- All that a claim goes by, in one answer: whether the node's lease holds, the rota's state, which tasks are held back
-- by a person, the queues that have limits, and the queues and priorities at which something waits.
SELECT json_build_array(
  (SELECT state FROM rota_node WHERE id = :node),
  (SELECT value FROM rota_meta WHERE key = 'tasks'),
  (SELECT coalesce(json_agg(id), '[]') FROM rota_task WHERE paused_at IS NOT NULL OR NOT enabled),
  (SELECT coalesce(json_agg(json_build_array(name, rate, concurrency, tokens, refilled_at, paused,
     CASE WHEN concurrency IS NOT NULL THEN
       (SELECT count(*) FROM rota_run AS run WHERE run.state = 'running' AND run.queue = limited.name)
     END)), '[]')
   FROM rota_queue AS limited WHERE paused OR rate IS NOT NULL OR concurrency IS NOT NULL),
  (WITH RECURSIVE step AS (  -- skips from one entry of the index to the next that differs
     (SELECT queue, priority FROM rota_run WHERE state = 'waiting' ORDER BY queue, priority LIMIT 1)
     UNION ALL
     SELECT following.queue, following.priority FROM step CROSS JOIN LATERAL (
       SELECT run.queue, run.priority FROM rota_run AS run
       WHERE run.state = 'waiting' AND (run.queue, run.priority) > (step.queue, step.priority)
       ORDER BY run.queue, run.priority LIMIT 1) AS following
   )
   SELECT coalesce(json_agg(json_build_array(queue, priority) ORDER BY queue, priority), '[]') FROM step))::text;

-- name: task_facts
-- Of every task what a claim needs; asked for anew when the rota has changed.
SELECT id, service, name, overlap, concurrency, retired_at IS NOT NULL FROM rota_task;

-- name: running_of
-- How many runs of the tasks with a limit of their own are running.
SELECT task_id, count(*) FROM rota_run
WHERE state = 'running' AND task_id = ANY (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:tasks AS jsonb))))
GROUP BY task_id;

-- name: claim_candidates
-- What of a queue and priority may start, or has to be skipped or declared missed instead, in the order of its time.
-- What only waits behind something else is left out here, so that it does not stand in the way of others:
--   blocked: tasks that this node does not have, that are retired, or of which as many run as may
--   held: tasks that are paused or disabled; only what a person asks for starts
SELECT run.id, run.task_id, (SELECT schedule.key FROM rota_schedule AS schedule WHERE schedule.id = run.schedule_id),
  run.kind, run.scheduled_at, run.run_at, run.attempt, run.spent, run.crashes, run.key, run.args, run.covers_from,
  run.covers_count, run.lane, run.expires_at,
  run.lane IS NOT NULL AND EXISTS (
    SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.lane IS NOT NULL AND other.state = 'running') AS busy
FROM rota_run AS run
WHERE run.state = 'waiting' AND run.queue = :queue AND run.priority = :priority AND run.run_at <= :until
  AND run.task_id <> ALL (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:blocked AS jsonb))))
  AND (run.kind IN ('manual', 'undo')
    OR run.task_id <> ALL (ARRAY(SELECT value::bigint FROM jsonb_array_elements_text(CAST(:held AS jsonb)))))
  AND (
    run.lane IS NULL
    OR NOT EXISTS (
      SELECT 1 FROM rota_run AS other WHERE other.lane = run.lane AND other.lane IS NOT NULL AND other.state = 'running')
    OR (run.attempt = 0 AND run.expires_at <= :now)
    -- an occurrence that is due while its lane is busy; a retry, and what a person reopened, waits
    OR (run.kind = 'scheduled' AND run.attempt = 0 AND run.reason = 'due' AND run.run_at <= :now
      AND CASE (SELECT task.overlap FROM rota_task AS task WHERE task.id = run.task_id)
        WHEN 'skip' THEN true
        -- one waits, the oldest
        WHEN 'queue' THEN EXISTS (
          SELECT 1 FROM rota_run AS older
          WHERE older.lane = run.lane AND older.lane IS NOT NULL AND older.state = 'waiting'
            AND older.scheduled_at < run.scheduled_at AND older.kind = 'scheduled')
        -- one waits, the newest, and the running one is asked to stop, once
        WHEN 'cancel' THEN EXISTS (
          SELECT 1 FROM rota_run AS newer
          WHERE newer.lane = run.lane AND newer.lane IS NOT NULL AND newer.state = 'waiting'
            AND newer.scheduled_at > run.scheduled_at AND newer.kind = 'scheduled' AND newer.run_at <= :now)
          OR EXISTS (
            SELECT 1 FROM rota_run AS other
            WHERE other.lane = run.lane AND other.lane IS NOT NULL AND other.state = 'running'
              AND other.cancel_reason IS NULL AND other.kind <> 'undo')
      END))
ORDER BY run.run_at
LIMIT :limit;

-- name: newer_waits
-- Whether a younger due occurrence waits in the same lane: under overlap = cancel that one is started instead.
SELECT EXISTS (
  SELECT 1 FROM rota_run
  WHERE lane = :lane AND lane IS NOT NULL AND state = 'waiting' AND kind = 'scheduled' AND scheduled_at > :scheduled_at
    AND run_at <= :now);

-- name: supersede
-- Ask the running run of a lane to stop; its node hears of it with its next heartbeat. Not what undoes something: the
-- next occurrence waits for that.
UPDATE rota_run SET cancel_reason = 'superseded'
WHERE lane = :lane AND lane IS NOT NULL AND state = 'running' AND cancel_reason IS NULL AND kind <> 'undo';

-- name: take_tokens
-- A token for each run of a batch, all greater than any before.
UPDATE rota_meta SET value = (value::bigint + :count)::text WHERE key = 'token' RETURNING value::bigint;

-- name: claim_runs
-- Take what was chosen, and say what was taken. The guard is that the run is as it was when it was chosen: it waits, for
-- the same attempt, time and arguments, since its key may have been moved meanwhile; the unique lane is the last word on
-- overlap. What is claimed ahead is held until its instant; the outcome brings the exact start.
UPDATE rota_run AS run SET state = 'running', reason = NULL, attempt = run.attempt + 1, token = taken.token, node = :node,
  started_at = greatest(run.run_at, :now), progress = NULL
FROM (
  SELECT (value ->> 0)::bigint AS id, (value ->> 1)::bigint AS token, (value ->> 2)::bigint AS attempt,
    (value ->> 3)::bigint AS run_at, value ->> 4 AS args
  FROM jsonb_array_elements(CAST(:taken AS jsonb))
) AS taken
WHERE run.id = taken.id AND run.state = 'waiting' AND run.attempt = taken.attempt AND run.run_at = taken.run_at
  AND (run.key IS NULL OR run.args IS NOT DISTINCT FROM taken.args)
RETURNING run.id;

-- name: holdings
-- What a node holds, as a claim would have told it: asked for after a claim whose answer was lost.
SELECT run.id, task.service, task.name, (SELECT schedule.key FROM rota_schedule AS schedule WHERE schedule.id = run.schedule_id),
  run.kind, run.scheduled_at, run.run_at, run.attempt, run.token, run.spent, run.crashes, run.key, run.args, run.covers_from,
  run.covers_count
FROM rota_run AS run JOIN rota_task AS task ON task.id = run.task_id
WHERE run.state = 'running' AND run.node = :node ORDER BY run.token;

-- name: settle_unstarted
-- Skipped and missed: runs that end without ever having run. One that was moved to another time meanwhile is left alone.
UPDATE rota_run AS run SET state = ended.state, reason = ended.reason, note = coalesce(ended.note, run.note), finished_at = :now
FROM (
  SELECT (value ->> 0)::bigint AS id, value ->> 1 AS state, value ->> 2 AS reason, value ->> 3 AS note,
    (value ->> 4)::bigint AS run_at, (value ->> 5)::bigint AS expires_at
  FROM jsonb_array_elements(CAST(:ended AS jsonb))) AS ended
WHERE run.id = ended.id AND run.state = 'waiting' AND run.run_at = ended.run_at
  AND run.expires_at IS NOT DISTINCT FROM ended.expires_at
RETURNING run.task_id, run.state;

-- name: set_tokens
-- What is left in a queue's bucket, as of now.
UPDATE rota_queue SET tokens = :tokens, refilled_at = :now WHERE name = :name;

-- name: next_waiting
-- When the earliest waiting run may be claimed: the first of each queue and level.
WITH RECURSIVE step AS (
  (SELECT queue, priority, run_at FROM rota_run WHERE state = 'waiting' ORDER BY queue, priority, run_at LIMIT 1)
  UNION ALL
  SELECT following.* FROM step CROSS JOIN LATERAL (
    SELECT run.queue, run.priority, run.run_at FROM rota_run AS run
    WHERE run.state = 'waiting' AND (run.queue, run.priority) > (step.queue, step.priority)
    ORDER BY run.queue, run.priority, run.run_at LIMIT 1) AS following
)
SELECT min(run_at) FROM step;
