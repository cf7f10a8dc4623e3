-- name: add_notice
-- Something that somebody is to be told: durable with what it tells of.
INSERT INTO rota_notice (incident_id, service, kind, owner, channel, created_at, due_at, may_lapse)
VALUES (:incident_id, :service, :kind, :owner, :channel, :now, :due_at, :may_lapse)
RETURNING id;

-- name: hold_notices
-- What has not gone out yet about a task that is muted waits as well, and lapses if all is well by then.
UPDATE rota_notice SET due_at = :until, may_lapse = :lapse
WHERE sent_at IS NULL AND lapsed_at IS NULL AND due_at < :until
  AND incident_id IN (SELECT id FROM rota_incident WHERE task_id = :task_id);

-- name: due_letters
-- Owners, channels and services for which something is due and that nobody is delivering to; and when they last heard.
SELECT owner, channel, service, (SELECT max(other.sent_at) FROM rota_notice AS other
  WHERE other.owner = notice.owner AND other.channel = notice.channel AND other.sent_at IS NOT NULL)
FROM rota_notice AS notice
WHERE sent_at IS NULL AND lapsed_at IS NULL AND due_at <= :now AND (claimed_until IS NULL OR claimed_until <= :now)
  AND NOT EXISTS (SELECT 1 FROM rota_notice AS other WHERE other.owner = notice.owner AND other.channel = notice.channel
    AND other.service = notice.service AND other.sent_at IS NULL AND other.lapsed_at IS NULL AND other.claimed_until > :now)
GROUP BY owner, channel, service ORDER BY min(due_at), min(id) LIMIT :limit;

-- name: claim_letter
-- One deliverer takes all that is due for an owner, channel and service, for a while.
UPDATE rota_notice SET claim = :claim, claimed_until = :until, tries = tries + 1
WHERE owner = :owner AND channel = :channel AND service = :service AND sent_at IS NULL AND lapsed_at IS NULL AND due_at <= :now
  AND (claimed_until IS NULL OR claimed_until <= :now)
RETURNING id, incident_id, service, kind, owner, channel, created_at, due_at, tries, sent_at, lapsed_at, error;

-- name: lapse_notices
-- What was to be told only if it were still so: it is not.
UPDATE rota_notice SET lapsed_at = :now, claim = NULL, claimed_until = NULL
WHERE sent_at IS NULL AND lapsed_at IS NULL AND may_lapse AND due_at <= :now
  AND incident_id IN (SELECT id FROM rota_incident WHERE resolved_at IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM rota_notice AS other WHERE other.incident_id = rota_notice.incident_id AND other.sent_at IS NOT NULL);

-- name: letter_sent
-- It went out; a claim that was lost meanwhile does not matter, since it is sent.
UPDATE rota_notice SET sent_at = :now, claim = NULL, claimed_until = NULL, error = NULL WHERE claim = :claim;

-- name: letter_failed
-- It did not: again later, and what was wrong stands with it.
UPDATE rota_notice SET claim = NULL, claimed_until = :again, error = :error WHERE claim = :claim;

-- name: notices_of
-- What was told, or is to be, about an incident.
SELECT id, incident_id, service, kind, owner, channel, created_at, due_at, tries, sent_at, lapsed_at, error FROM rota_notice WHERE incident_id = :id ORDER BY id;

-- name: notices_waiting
-- What has not gone out yet.
SELECT id, incident_id, service, kind, owner, channel, created_at, due_at, tries, sent_at, lapsed_at, error FROM rota_notice WHERE sent_at IS NULL AND lapsed_at IS NULL ORDER BY due_at LIMIT :limit;

-- name: notice
-- One notice.
SELECT id, incident_id, service, kind, owner, channel, created_at, due_at, tries, sent_at, lapsed_at, error FROM rota_notice WHERE id = :id;
