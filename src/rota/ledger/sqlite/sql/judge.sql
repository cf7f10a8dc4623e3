-- name: put_verdicts
-- The latest verdict of each check; an older one that comes late changes nothing. Of the tasks that there are.
INSERT INTO rota_verdict (task_id, check_name, standing, since_at, at, expected, found, run_id, unmet_at, unmet_found, unmet_run)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
  CASE WHEN value ->> 2 = 'unmet' THEN value ->> 3 END, CASE WHEN value ->> 2 = 'unmet' THEN value ->> 5 END,
  CASE WHEN value ->> 2 = 'unmet' THEN value ->> 6 END
FROM json_each(:verdicts) WHERE true
ON CONFLICT (task_id, check_name) DO UPDATE SET
  since_at = CASE WHEN rota_verdict.standing = excluded.standing THEN rota_verdict.since_at ELSE excluded.since_at END,
  standing = excluded.standing, at = excluded.at, expected = excluded.expected, found = excluded.found, run_id = excluded.run_id,
  unmet_at = coalesce(excluded.unmet_at, rota_verdict.unmet_at), unmet_found = coalesce(excluded.unmet_found, rota_verdict.unmet_found),
  unmet_run = CASE WHEN excluded.unmet_at IS NULL THEN rota_verdict.unmet_run ELSE excluded.unmet_run END
WHERE excluded.at >= rota_verdict.at;

-- name: judge_soon
-- Tasks of which something is news: the next look of any node takes them.
UPDATE rota_watch SET judge_at = :now WHERE task_id IN (SELECT value FROM json_each(:tasks)) AND (judge_at IS NULL OR judge_at > :now);

-- name: task_ids
-- Tasks by service and name.
SELECT id, service, name FROM rota_task WHERE (service, name) IN (SELECT value ->> 0, value ->> 1 FROM json_each(:names));

-- name: to_judge
-- Tasks of which something is to be judged now: a run failed or was missed, a time has come, a new revision, or none was yet.
SELECT task.id, task.service, task.name, task.definition, task.revision, task.paused_at IS NOT NULL OR task.enabled = 0,
  task.retired_at IS NOT NULL, task.failures, task.failed, task.missed, coalesce(watch.version, 0),
  coalesce(watch.failed_seen, 0), coalesce(watch.missed_seen, 0), watch.fresh_from, watch.succeeded_at, watch.muted_until
FROM rota_task AS task LEFT JOIN rota_watch AS watch ON watch.task_id = task.id
WHERE (task.retired_at IS NULL AND (watch.task_id IS NULL OR watch.revision <> task.revision OR watch.failed_seen <> task.failed
    OR watch.missed_seen <> task.missed OR watch.judge_at <= :now))
  OR (task.retired_at IS NOT NULL AND watch.judge_at <= :now)
  OR (task.retired_at IS NOT NULL AND watch.revision <> task.revision)
ORDER BY watch.judge_at IS NULL DESC, watch.judge_at, task.id
LIMIT :limit;

-- name: verdicts_of
-- The verdicts of some tasks.
SELECT verdict.task_id, task.service, task.name, verdict.check_name, verdict.standing, verdict.since_at, verdict.at, verdict.expected,
  verdict.found, verdict.run_id, verdict.unmet_at, verdict.unmet_found, verdict.unmet_run
FROM rota_verdict AS verdict JOIN rota_task AS task ON task.id = verdict.task_id
WHERE verdict.task_id IN (SELECT value FROM json_each(:tasks));

-- name: verdicts_all
-- Every verdict of a service's tasks, or of all.
SELECT verdict.task_id, task.service, task.name, verdict.check_name, verdict.standing, verdict.since_at, verdict.at, verdict.expected,
  verdict.found, verdict.run_id, verdict.unmet_at, verdict.unmet_found, verdict.unmet_run
FROM rota_verdict AS verdict JOIN rota_task AS task ON task.id = verdict.task_id
WHERE task.retired_at IS NULL AND (:service IS NULL OR task.service = :service)
ORDER BY task.service, task.name, verdict.check_name;

-- name: open_incidents_of
-- The open incidents of some tasks.
SELECT incident.id, incident.task_id, task.service, task.name, incident.check_name, incident.status, incident.opened_at,
  incident.since_at, incident.owner, incident.expected, incident.found, incident.run_id, incident.times, incident.met_at,
  incident.told_at, incident.escalated_at, incident.acknowledged_by, incident.acknowledged_reason,
  incident.acknowledged_until, incident.resolved_at
FROM rota_incident AS incident JOIN rota_task AS task ON task.id = incident.task_id
WHERE incident.task_id IN (SELECT value FROM json_each(:tasks)) AND incident.resolved_at IS NULL;

-- name: incident_columns
-- Incidents; conditions follow.
SELECT incident.id, incident.task_id, task.service, task.name, incident.check_name, incident.status, incident.opened_at,
  incident.since_at, incident.owner, incident.expected, incident.found, incident.run_id, incident.times, incident.met_at,
  incident.told_at, incident.escalated_at, incident.acknowledged_by, incident.acknowledged_reason,
  incident.acknowledged_until, incident.resolved_at
FROM rota_incident AS incident JOIN rota_task AS task ON task.id = incident.task_id;

-- name: make_watch
-- The first judgement of a task. Where another node was quicker, nothing.
INSERT INTO rota_watch (task_id, version, revision, failed_seen, missed_seen, judge_at, fresh_from, succeeded_at)
VALUES (:task_id, 1, :revision, :failed_seen, :missed_seen, :judge_at, :fresh_from, :succeeded_at)
ON CONFLICT (task_id) DO NOTHING;

-- name: move_watch
-- Compare and set: two nodes that looked at the same moment, of which one writes.
UPDATE rota_watch SET version = version + 1, revision = :revision, failed_seen = :failed_seen, missed_seen = :missed_seen,
  judge_at = :judge_at, fresh_from = :fresh_from, succeeded_at = :succeeded_at
WHERE task_id = :task_id AND version = :version;

-- name: open_incident
-- Exactly one: where one of that task and check is open, nothing.
INSERT INTO rota_incident (task_id, check_name, status, opened_at, since_at, owner, expected, found, run_id, times, met_at, told_at)
VALUES (:task_id, :check_name, :status, :now, :since_at, :owner, :expected, :found, :run_id, :times, :met_at, :told_at)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: move_incident
-- What changes of an open incident; who acknowledged it stays written.
UPDATE rota_incident SET status = :status, owner = :owner, found = :found, run_id = :run_id, times = :times, met_at = :met_at,
  told_at = :told_at, escalated_at = :escalated_at, resolved_at = :resolved_at
WHERE id = :id AND resolved_at IS NULL;

-- name: acknowledge
-- Somebody is at it; until when, and why, stands with it.
UPDATE rota_incident SET status = 'acknowledged', acknowledged_by = :actor, acknowledged_reason = :reason,
  acknowledged_until = :until
WHERE id = :id AND status IN ('open', 'acknowledged');

-- name: mute
-- No messages about a task until an instant; NULL ends that. One that was never judged yet can be muted as well.
INSERT INTO rota_watch (task_id, muted_until, muted_reason, muted_by, judge_at) VALUES (:task_id, :until, :reason, :actor, :now)
ON CONFLICT (task_id) DO UPDATE SET muted_until = excluded.muted_until, muted_reason = excluded.muted_reason,
  muted_by = excluded.muted_by, version = rota_watch.version + 1, judge_at = excluded.judge_at;

-- name: mutes
-- Which tasks are muted, until when and why.
SELECT task_id, muted_until, muted_reason, muted_by FROM rota_watch WHERE muted_until > :now;

-- name: bad_runs
-- The latest run of a task that failed, and the latest that was missed; what undoes is not judged.
SELECT id, state, reason, error, scheduled_at, finished_at FROM (
  SELECT id, state, reason, error, scheduled_at, finished_at FROM rota_run
  WHERE task_id = :task_id AND state = 'failed' AND kind <> 'undo' ORDER BY id DESC LIMIT 1) AS failed
UNION ALL
SELECT id, state, reason, error, scheduled_at, finished_at FROM (
  SELECT id, state, reason, error, scheduled_at, finished_at FROM (
    SELECT id, state, reason, error, scheduled_at, finished_at FROM rota_run
    WHERE task_id = :task_id ORDER BY id DESC LIMIT 1000) AS newest
  WHERE state = 'missed' ORDER BY id DESC LIMIT 1) AS missed;

-- name: successes
-- When the task's latest runs succeeded, of the newest so many runs: rising. Undoing is no success of the task's.
SELECT finished_at FROM (
  SELECT state, kind, finished_at FROM rota_run WHERE task_id = :task_id ORDER BY id DESC LIMIT :limit) AS newest
WHERE state = 'succeeded' AND kind <> 'undo' AND finished_at >= :since ORDER BY finished_at;

-- name: hour_of
-- How the occurrences of a time went: good is a success that was not late.
SELECT coalesce(sum(CASE WHEN state = 'succeeded' AND (:late IS NULL OR started_at IS NULL
      OR started_at - scheduled_at <= :late OR attempt > 1) THEN 1 ELSE 0 END), 0),
  coalesce(sum(CASE WHEN state IN ('failed', 'missed') OR (state = 'succeeded' AND attempt = 1 AND :late IS NOT NULL
      AND started_at - scheduled_at > :late) THEN 1 ELSE 0 END), 0)
FROM rota_run WHERE task_id = :task_id AND scheduled_at >= :since AND scheduled_at < :until AND kind <> 'undo';

-- name: tallies
-- The hours that are over, of a task with an objective.
SELECT hour, good, bad FROM rota_tally WHERE task_id = :task_id AND hour >= :since ORDER BY hour;

-- name: put_tally
-- An hour that is over; what is written once stays.
INSERT INTO rota_tally (task_id, hour, good, bad) VALUES (:task_id, :hour, :good, :bad)
ON CONFLICT (task_id, hour) DO NOTHING;

-- name: service_of
-- A task's service.
SELECT service FROM rota_task WHERE id = :id;

-- name: task_of_incident
-- An incident's task.
SELECT task_id FROM rota_incident WHERE id = :id;
