-- The first schema. Instants are UTC microseconds since the epoch. All of it stands in a schema of its own, which the
-- search path names while a migration runs. Text is compared byte by byte, as the other ledgers do.

CREATE TABLE rota_meta (
  key text COLLATE "C" PRIMARY KEY,
  value text NOT NULL
);

-- Every claim takes tokens from here, so that each is greater than all that were given before.
INSERT INTO rota_meta (key, value) VALUES ('token', '0'), ('ledger', replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE rota_revision (
  service text COLLATE "C" NOT NULL,
  number bigint NOT NULL CHECK (number > 0),
  digest text NOT NULL,
  definition text NOT NULL CHECK (definition::json IS NOT NULL),
  author text NOT NULL,
  reason text NOT NULL,
  applied_at bigint NOT NULL,
  PRIMARY KEY (service, number)
);

CREATE TABLE rota_task (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  service text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  definition text NOT NULL CHECK (definition::json IS NOT NULL),
  revision bigint NOT NULL,
  overlap text NOT NULL CHECK (overlap IN ('skip', 'queue', 'queue-all', 'cancel', 'allow')),
  catch_up text NOT NULL CHECK (catch_up IN ('latest', 'all', 'none')),
  catch_up_limit bigint NOT NULL CHECK (catch_up_limit > 0),
  queue text COLLATE "C" NOT NULL,
  priority integer NOT NULL CHECK (priority BETWEEN 0 AND 9),
  enabled boolean NOT NULL,
  concurrency bigint CHECK (concurrency > 0),
  deadline bigint CHECK (deadline > 0),
  pause_on_failure bigint CHECK (pause_on_failure > 0),
  failures bigint NOT NULL DEFAULT 0 CHECK (failures >= 0),
  retired_at bigint,
  paused_at bigint,
  paused_until bigint,
  paused_reason text,
  paused_by text,
  UNIQUE (service, name)
);

-- The tasks that people hold back, which every claim looks at.
CREATE INDEX rota_task_held ON rota_task (id) WHERE paused_at IS NOT NULL OR NOT enabled;

CREATE TABLE rota_schedule (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id bigint NOT NULL REFERENCES rota_task (id),
  key text COLLATE "C" NOT NULL,  -- '' is the task's own schedule
  rule text NOT NULL CHECK (rule::json IS NOT NULL),
  args text CHECK (args IS NULL OR args::json IS NOT NULL),
  next_at bigint,  -- the cursor: the first occurrence that has no record yet
  fired_at bigint,  -- the latest occurrence that has one
  created_at bigint NOT NULL,
  retired_at bigint,
  ruled_at bigint,  -- since when the rule holds
  CHECK (next_at IS NULL OR fired_at IS NULL OR next_at > fired_at),
  UNIQUE (task_id, key)
);

-- What is due: its cost depends on what is due, not on what is registered.
CREATE INDEX rota_schedule_due ON rota_schedule (next_at) WHERE next_at IS NOT NULL AND retired_at IS NULL;

CREATE TABLE rota_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  task_id bigint NOT NULL,
  schedule_id bigint,
  lane bigint,
  kind text NOT NULL CHECK (kind IN ('scheduled', 'manual', 'enqueued', 'delayed', 'backfilled', 'caught-up')),
  scheduled_at bigint NOT NULL,
  run_at bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled', 'skipped', 'missed')),
  reason text,
  note text,
  key text COLLATE "C",
  args text CHECK (args IS NULL OR args::json IS NOT NULL),
  queue text COLLATE "C" NOT NULL,
  priority integer NOT NULL CHECK (priority BETWEEN 0 AND 9),
  attempt bigint NOT NULL DEFAULT 0,
  spent bigint NOT NULL DEFAULT 0,
  crashes bigint NOT NULL DEFAULT 0,
  token bigint,
  node text COLLATE "C",
  created_at bigint NOT NULL,
  started_at bigint,
  finished_at bigint,
  expires_at bigint,
  covers_from bigint,
  covers_count bigint NOT NULL DEFAULT 1 CHECK (covers_count > 0),
  result text,
  error text,
  progress text,
  cancel_reason text,
  requested_by text,
  -- A run is running exactly while a node holds it under a token.
  CHECK ((state = 'running') = (node IS NOT NULL)),
  CHECK (state <> 'running' OR token IS NOT NULL),
  CHECK ((finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'skipped', 'missed')))
) WITH (
  -- Every run is written three times in its life; without this its dead rows would wait for a fifth of all history.
  autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 5000
);

-- Every run names a task, and a schedule if any, that are there. A foreign key would look for them, and lock them, run by
-- run: a third of the cost of recording many. Tasks and schedules are retired and never deleted, so that to look once, for
-- all runs of a statement, holds as much.
CREATE FUNCTION rota_run_names() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (SELECT DISTINCT task_id FROM fresh) AS named
    WHERE NOT EXISTS (SELECT 1 FROM rota_task AS task WHERE task.id = named.task_id)
  ) OR EXISTS (
    SELECT 1 FROM (SELECT DISTINCT schedule_id FROM fresh WHERE schedule_id IS NOT NULL) AS named
    WHERE NOT EXISTS (SELECT 1 FROM rota_schedule AS schedule WHERE schedule.id = named.schedule_id)
  ) THEN
    RAISE foreign_key_violation USING MESSAGE = 'a run names a task or a schedule that is not there';
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER rota_run_names AFTER INSERT ON rota_run
REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rota_run_names();

-- Exactly once: one record an occurrence.
CREATE UNIQUE INDEX rota_run_occurrence ON rota_run (schedule_id, scheduled_at) WHERE kind = 'scheduled';
CREATE UNIQUE INDEX rota_run_backfill ON rota_run (schedule_id, scheduled_at) WHERE kind = 'backfilled';
-- A key names at most one run that has not started.
CREATE UNIQUE INDEX rota_run_key ON rota_run (task_id, key) WHERE key IS NOT NULL AND state = 'waiting' AND attempt = 0;
-- Overlap is held here, not in a node's memory: at most one running run a lane.
CREATE UNIQUE INDEX rota_run_lane ON rota_run (lane) WHERE lane IS NOT NULL AND state = 'running';
-- What waits behind a lane, so that the younger ones can be told from the oldest.
CREATE INDEX rota_run_lane_waiting ON rota_run (lane, scheduled_at) WHERE lane IS NOT NULL AND state = 'waiting';
-- What may be claimed, in the order of claiming; whose it is, and in which lane, is read off the index.
CREATE INDEX rota_run_waiting ON rota_run (queue, priority, run_at, task_id, lane) WHERE state = 'waiting';
-- How much of a task runs, and what a node holds; there are never more rows than slots.
CREATE INDEX rota_run_running ON rota_run (task_id, node) WHERE state = 'running';
-- A task's history, newest last.
CREATE INDEX rota_run_history ON rota_run (task_id, id);
-- Deadlines that may pass unclaimed.
CREATE INDEX rota_run_expiry ON rota_run (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;
-- What people look at most: the last day, and what failed.
CREATE INDEX rota_run_scheduled ON rota_run (scheduled_at);
CREATE INDEX rota_run_failed ON rota_run (task_id, id) WHERE state = 'failed';

CREATE TABLE rota_range (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schedule_id bigint NOT NULL REFERENCES rota_schedule (id),
  from_at bigint NOT NULL,
  until_at bigint NOT NULL,
  count bigint NOT NULL CHECK (count > 0),
  reason text NOT NULL,
  covered_by bigint,
  CHECK (from_at < until_at)
);

CREATE UNIQUE INDEX rota_range_from ON rota_range (schedule_id, from_at);

-- Attempts whose story does not stand on the run itself: all but a success at the first try.
CREATE TABLE rota_attempt (
  run_id bigint NOT NULL,
  attempt bigint NOT NULL,
  token bigint NOT NULL,
  node text COLLATE "C" NOT NULL,
  state text NOT NULL,
  started_at bigint,
  finished_at bigint,
  error text,
  note text,
  PRIMARY KEY (run_id, token)
);

CREATE TABLE rota_log (
  run_id bigint NOT NULL,
  seq bigint NOT NULL,
  attempt bigint NOT NULL,
  at bigint NOT NULL,
  source text NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (run_id, seq)
);

CREATE TABLE rota_node (
  id text COLLATE "C" PRIMARY KEY,
  label text NOT NULL,
  services text NOT NULL,
  queues text NOT NULL,
  version text NOT NULL,
  started_at bigint NOT NULL,
  beat_at bigint NOT NULL,
  lease bigint NOT NULL CHECK (lease > 0),
  lease_until bigint NOT NULL,
  beats bigint NOT NULL DEFAULT 0,
  state text NOT NULL CHECK (state IN ('live', 'left', 'lost')),
  slots bigint NOT NULL DEFAULT 0,
  busy bigint NOT NULL DEFAULT 0,
  lag bigint,
  clock_offset bigint  -- microseconds that the node's own clock is ahead of the server's
);

CREATE TABLE rota_queue (
  name text COLLATE "C" PRIMARY KEY,
  weight bigint NOT NULL DEFAULT 1,
  rate double precision CHECK (rate > 0),
  concurrency bigint CHECK (concurrency > 0),
  tokens double precision NOT NULL DEFAULT 0,
  refilled_at bigint NOT NULL DEFAULT 0,
  paused boolean NOT NULL DEFAULT false
);

CREATE TABLE rota_change (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  reason text,
  detail text
);

CREATE INDEX rota_change_subject ON rota_change (subject, id);
