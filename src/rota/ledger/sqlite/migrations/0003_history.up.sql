-- What people look at most: the last day, and what failed. The first costs one entry a run, written once; the second
-- only failed runs.

CREATE INDEX rota_run_scheduled ON rota_run (scheduled_at);
CREATE INDEX rota_run_failed ON rota_run (task_id, id) WHERE state = 'failed';
