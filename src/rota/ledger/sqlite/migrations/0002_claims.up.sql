-- Claims look at the tasks that people hold back by an index of their own, and pass over what waits behind
-- something else without reading it: the index says whose it is, and in which lane.

CREATE INDEX rota_task_held ON rota_task (id) WHERE paused_at IS NOT NULL OR enabled = 0;

DROP INDEX rota_run_waiting;
CREATE INDEX rota_run_waiting ON rota_run (queue, priority, run_at, task_id, lane) WHERE state = 'waiting';
