-- The first schema. Instants are UTC microseconds since the epoch. Tables begin with rota_: the ledger may
-- share its file with the tables of the site that it serves.

CREATE TABLE rota_meta (
  key TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Every claim takes tokens from here, so that each is greater than all that were given before.
INSERT INTO rota_meta (key, value) VALUES ('token', 0), ('ledger', lower(hex(randomblob(16))));

CREATE TABLE rota_revision (
  service TEXT NOT NULL,
  number INTEGER NOT NULL CHECK (number > 0),
  digest TEXT NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  applied_at INTEGER NOT NULL,
  PRIMARY KEY (service, number)
) STRICT;

CREATE TABLE rota_task (
  id INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  name TEXT NOT NULL,
  definition TEXT NOT NULL CHECK (json_valid(definition)),
  revision INTEGER NOT NULL,
  overlap TEXT NOT NULL CHECK (overlap IN ('skip', 'queue', 'queue-all', 'cancel', 'allow')),
  catch_up TEXT NOT NULL CHECK (catch_up IN ('latest', 'all', 'none')),
  catch_up_limit INTEGER NOT NULL CHECK (catch_up_limit > 0),
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  concurrency INTEGER CHECK (concurrency > 0),
  deadline INTEGER CHECK (deadline > 0),
  pause_on_failure INTEGER CHECK (pause_on_failure > 0),
  failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
  retired_at INTEGER,
  paused_at INTEGER,
  paused_until INTEGER,
  paused_reason TEXT,
  paused_by TEXT,
  UNIQUE (service, name)
) STRICT;

CREATE TABLE rota_schedule (
  id INTEGER PRIMARY KEY,
  task_id INTEGER NOT NULL REFERENCES rota_task (id),
  key TEXT NOT NULL,  -- '' is the task's own schedule
  rule TEXT NOT NULL CHECK (json_valid(rule)),
  args TEXT CHECK (args IS NULL OR json_valid(args)),
  next_at INTEGER,  -- the cursor: the first occurrence that has no record yet
  fired_at INTEGER,  -- the latest occurrence that has one
  created_at INTEGER NOT NULL,
  retired_at INTEGER,
  CHECK (next_at IS NULL OR fired_at IS NULL OR next_at > fired_at),
  UNIQUE (task_id, key)
) STRICT;

-- What is due: its cost depends on what is due, not on what is registered.
CREATE INDEX rota_schedule_due ON rota_schedule (next_at) WHERE next_at IS NOT NULL AND retired_at IS NULL;

CREATE TABLE rota_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id INTEGER NOT NULL REFERENCES rota_task (id),
  schedule_id INTEGER REFERENCES rota_schedule (id),
  lane INTEGER,
  kind TEXT NOT NULL CHECK (kind IN ('scheduled', 'manual', 'enqueued', 'delayed', 'backfilled', 'caught-up')),
  scheduled_at INTEGER NOT NULL,
  run_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled', 'skipped', 'missed')),
  reason TEXT,
  note TEXT,
  key TEXT,
  args TEXT CHECK (args IS NULL OR json_valid(args)),
  queue TEXT NOT NULL,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 9),
  attempt INTEGER NOT NULL DEFAULT 0,
  spent INTEGER NOT NULL DEFAULT 0,
  crashes INTEGER NOT NULL DEFAULT 0,
  token INTEGER,
  node TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  expires_at INTEGER,
  covers_from INTEGER,
  covers_count INTEGER NOT NULL DEFAULT 1 CHECK (covers_count > 0),
  result TEXT,
  error TEXT,
  progress TEXT,
  cancel_reason TEXT,
  requested_by TEXT,
  -- A run is running exactly while a node holds it under a token.
  CHECK ((state = 'running') = (node IS NOT NULL)),
  CHECK (state <> 'running' OR token IS NOT NULL),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'skipped', 'missed')))
) STRICT;

-- Exactly once: one record an occurrence.
CREATE UNIQUE INDEX rota_run_occurrence ON rota_run (schedule_id, scheduled_at) WHERE kind = 'scheduled';
CREATE UNIQUE INDEX rota_run_backfill ON rota_run (schedule_id, scheduled_at) WHERE kind = 'backfilled';
-- A key names at most one run that has not started.
CREATE UNIQUE INDEX rota_run_key ON rota_run (task_id, key) WHERE key IS NOT NULL AND state = 'waiting' AND attempt = 0;
-- Overlap is held here, not in a node's memory: at most one running run a lane.
CREATE UNIQUE INDEX rota_run_lane ON rota_run (lane) WHERE lane IS NOT NULL AND state = 'running';
-- What waits behind a lane, so that the younger ones can be told from the oldest.
CREATE INDEX rota_run_lane_waiting ON rota_run (lane, scheduled_at) WHERE lane IS NOT NULL AND state = 'waiting';
-- What may be claimed, in the order of claiming.
CREATE INDEX rota_run_waiting ON rota_run (queue, priority, run_at) WHERE state = 'waiting';
-- How much of a task runs, and what a node holds; there are never more rows than slots.
CREATE INDEX rota_run_running ON rota_run (task_id, node) WHERE state = 'running';
-- A task's history, newest last.
CREATE INDEX rota_run_history ON rota_run (task_id, id);
-- Deadlines that may pass unclaimed.
CREATE INDEX rota_run_expiry ON rota_run (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;

CREATE TABLE rota_range (
  id INTEGER PRIMARY KEY,
  schedule_id INTEGER NOT NULL REFERENCES rota_schedule (id),
  from_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL,
  count INTEGER NOT NULL CHECK (count > 0),
  reason TEXT NOT NULL,
  covered_by INTEGER,
  CHECK (from_at < until_at)
) STRICT;

CREATE UNIQUE INDEX rota_range_from ON rota_range (schedule_id, from_at);

-- Attempts whose story does not stand on the run itself: all but a success at the first try.
CREATE TABLE rota_attempt (
  run_id INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  token INTEGER NOT NULL,
  node TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  error TEXT,
  note TEXT,
  PRIMARY KEY (run_id, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE rota_log (
  run_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  source TEXT NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE rota_node (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL,
  services TEXT NOT NULL,
  queues TEXT NOT NULL,
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  beat_at INTEGER NOT NULL,
  lease INTEGER NOT NULL CHECK (lease > 0),
  lease_until INTEGER NOT NULL,
  beats INTEGER NOT NULL DEFAULT 0,
  state TEXT NOT NULL CHECK (state IN ('live', 'left', 'lost')),
  slots INTEGER NOT NULL DEFAULT 0,
  busy INTEGER NOT NULL DEFAULT 0,
  lag INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE rota_queue (
  name TEXT PRIMARY KEY,
  weight INTEGER NOT NULL DEFAULT 1,
  rate REAL CHECK (rate > 0),
  concurrency INTEGER CHECK (concurrency > 0),
  tokens REAL NOT NULL DEFAULT 0,
  refilled_at INTEGER NOT NULL DEFAULT 0,
  paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE rota_change (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  reason TEXT,
  detail TEXT
) STRICT;

CREATE INDEX rota_change_subject ON rota_change (subject, id);
