-- What is expected is judged, and its owner told: verdicts, what each task was judged by, incidents, and the messages that
-- are to go out. A run may undo what its task did.

ALTER TABLE rota_task ADD COLUMN failed bigint NOT NULL DEFAULT 0;  -- failed runs ever
ALTER TABLE rota_task ADD COLUMN missed bigint NOT NULL DEFAULT 0;

ALTER TABLE rota_run DROP CONSTRAINT rota_run_kind_check;
ALTER TABLE rota_run ADD CONSTRAINT rota_run_kind_check CHECK (kind IN ('scheduled', 'manual', 'enqueued', 'delayed', 'backfilled', 'caught-up', 'undo')) NOT VALID;
ALTER TABLE rota_run VALIDATE CONSTRAINT rota_run_kind_check;

-- The latest verdict of each check of a task, and the latest that was not met.
CREATE TABLE rota_verdict (
  task_id bigint NOT NULL REFERENCES rota_task (id),
  check_name text NOT NULL,
  standing text NOT NULL CHECK (standing IN ('met', 'unmet', 'unknown')),
  since_at bigint NOT NULL,
  at bigint NOT NULL,
  expected text NOT NULL,
  found text NOT NULL,
  run_id bigint,
  unmet_at bigint,
  unmet_found text,
  unmet_run bigint,
  PRIMARY KEY (task_id, check_name)
);

-- What a task was judged by, last. The version is what two nodes compare before they write.
CREATE TABLE rota_watch (
  task_id bigint PRIMARY KEY REFERENCES rota_task (id),
  version bigint NOT NULL DEFAULT 1,
  revision bigint NOT NULL DEFAULT 0,
  failed_seen bigint NOT NULL DEFAULT 0,
  missed_seen bigint NOT NULL DEFAULT 0,
  judge_at bigint,
  fresh_from bigint,
  succeeded_at bigint,
  muted_until bigint,
  muted_reason text,
  muted_by text
);

CREATE INDEX rota_watch_due ON rota_watch (judge_at) WHERE judge_at IS NOT NULL;

CREATE TABLE rota_incident (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id bigint NOT NULL REFERENCES rota_task (id),
  check_name text NOT NULL,
  status text NOT NULL CHECK (status IN ('clear', 'open', 'acknowledged', 'recovering')),
  opened_at bigint NOT NULL,
  since_at bigint NOT NULL,
  owner text NOT NULL,
  expected text NOT NULL,
  found text NOT NULL,
  run_id bigint,
  times bigint NOT NULL CHECK (times > 0),
  met_at bigint,
  told_at bigint,
  escalated_at bigint,
  acknowledged_by text,
  acknowledged_reason text,
  acknowledged_until bigint,
  resolved_at bigint,
  CHECK ((resolved_at IS NOT NULL) = (status = 'clear'))
);

-- Exactly one opens an incident.
CREATE UNIQUE INDEX rota_incident_open ON rota_incident (task_id, check_name) WHERE resolved_at IS NULL;
CREATE INDEX rota_incident_task ON rota_incident (task_id, id);

-- The outbox: what is to be told to whom. A message holds all that is due for one owner and channel.
CREATE TABLE rota_notice (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  incident_id bigint REFERENCES rota_incident (id),
  service text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('opened', 'reminded', 'escalated', 'handed-over', 'resolved', 'test')),
  owner text NOT NULL,
  channel text NOT NULL,
  created_at bigint NOT NULL,
  due_at bigint NOT NULL,
  may_lapse boolean NOT NULL DEFAULT false,
  tries bigint NOT NULL DEFAULT 0,
  claim text,
  claimed_until bigint,
  sent_at bigint,
  lapsed_at bigint,
  error text
);

CREATE INDEX rota_notice_due ON rota_notice (due_at) WHERE sent_at IS NULL AND lapsed_at IS NULL;
CREATE INDEX rota_notice_sent ON rota_notice (owner, channel, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX rota_notice_incident ON rota_notice (incident_id);

-- The hours of a task that has an objective, once they are over.
CREATE TABLE rota_tally (
  task_id bigint NOT NULL REFERENCES rota_task (id),
  hour bigint NOT NULL,
  good bigint NOT NULL,
  bad bigint NOT NULL,
  PRIMARY KEY (task_id, hour)
);
