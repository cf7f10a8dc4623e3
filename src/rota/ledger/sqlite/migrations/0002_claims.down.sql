-- The indexes as the first schema had them.
DROP INDEX rota_run_waiting;
CREATE INDEX rota_run_waiting ON rota_run (queue, priority, run_at) WHERE state = 'waiting';

DROP INDEX rota_task_held;
