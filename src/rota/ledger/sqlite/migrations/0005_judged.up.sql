-- What is expected is judged, and its owner told: verdicts, what each task was judged by, incidents, and the messages that
-- are to go out. A run may undo what its task did.

ALTER TABLE rota_task ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;  -- failed runs ever
ALTER TABLE rota_task ADD COLUMN missed INTEGER NOT NULL DEFAULT 0;

-- A check is a part of the table's text, and no row has to change for a wider one (https://sqlite.org/lang_altertable.html,
-- section 7: changes that do not affect what is on disk).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''backfilled'', ''caught-up'')', '''backfilled'', ''caught-up'', ''undo'')') WHERE type = 'table' AND name = 'rota_run';
PRAGMA writable_schema = RESET;

-- The latest verdict of each check of a task, and the latest that was not met.
CREATE TABLE rota_verdict (
  task_id INTEGER NOT NULL REFERENCES rota_task (id),
  check_name TEXT NOT NULL,
  standing TEXT NOT NULL CHECK (standing IN ('met', 'unmet', 'unknown')),
  since_at INTEGER NOT NULL,
  at INTEGER NOT NULL,
  expected TEXT NOT NULL,
  found TEXT NOT NULL,
  run_id INTEGER,
  unmet_at INTEGER,
  unmet_found TEXT,
  unmet_run INTEGER,
  PRIMARY KEY (task_id, check_name)
) STRICT;

-- What a task was judged by, last. The version is what two nodes compare before they write.
CREATE TABLE rota_watch (
  task_id INTEGER PRIMARY KEY REFERENCES rota_task (id),
  version INTEGER NOT NULL DEFAULT 1,
  revision INTEGER NOT NULL DEFAULT 0,
  failed_seen INTEGER NOT NULL DEFAULT 0,
  missed_seen INTEGER NOT NULL DEFAULT 0,
  judge_at INTEGER,
  fresh_from INTEGER,
  succeeded_at INTEGER,
  muted_until INTEGER,
  muted_reason TEXT,
  muted_by TEXT
) STRICT;

CREATE INDEX rota_watch_due ON rota_watch (judge_at) WHERE judge_at IS NOT NULL;

CREATE TABLE rota_incident (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id INTEGER NOT NULL REFERENCES rota_task (id),
  check_name TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('clear', 'open', 'acknowledged', 'recovering')),
  opened_at INTEGER NOT NULL,
  since_at INTEGER NOT NULL,
  owner TEXT NOT NULL,
  expected TEXT NOT NULL,
  found TEXT NOT NULL,
  run_id INTEGER,
  times INTEGER NOT NULL CHECK (times > 0),
  met_at INTEGER,
  told_at INTEGER,
  escalated_at INTEGER,
  acknowledged_by TEXT,
  acknowledged_reason TEXT,
  acknowledged_until INTEGER,
  resolved_at INTEGER,
  CHECK ((resolved_at IS NOT NULL) = (status = 'clear'))
) STRICT;

-- Exactly one opens an incident.
CREATE UNIQUE INDEX rota_incident_open ON rota_incident (task_id, check_name) WHERE resolved_at IS NULL;
CREATE INDEX rota_incident_task ON rota_incident (task_id, id);

-- The outbox: what is to be told to whom. A message holds all that is due for one owner and channel.
CREATE TABLE rota_notice (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  incident_id INTEGER REFERENCES rota_incident (id),
  service TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('opened', 'reminded', 'escalated', 'handed-over', 'resolved', 'test')),
  owner TEXT NOT NULL,
  channel TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  may_lapse INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  claim TEXT,
  claimed_until INTEGER,
  sent_at INTEGER,
  lapsed_at INTEGER,
  error TEXT
) STRICT;

CREATE INDEX rota_notice_due ON rota_notice (due_at) WHERE sent_at IS NULL AND lapsed_at IS NULL;
CREATE INDEX rota_notice_sent ON rota_notice (owner, channel, sent_at) WHERE sent_at IS NOT NULL;
CREATE INDEX rota_notice_incident ON rota_notice (incident_id);

-- The hours of a task that has an objective, once they are over.
CREATE TABLE rota_tally (
  task_id INTEGER NOT NULL REFERENCES rota_task (id),
  hour INTEGER NOT NULL,
  good INTEGER NOT NULL,
  bad INTEGER NOT NULL,
  PRIMARY KEY (task_id, hour)
) STRICT;
