-- Without verdicts, incidents and messages. Runs that undid something stay in the history as started by hand.
DROP TABLE rota_tally;
DROP TABLE rota_notice;
DROP TABLE rota_incident;
DROP TABLE rota_watch;
DROP TABLE rota_verdict;
UPDATE rota_run SET kind = 'manual' WHERE kind = 'undo';
ALTER TABLE rota_run DROP CONSTRAINT rota_run_kind_check;
ALTER TABLE rota_run ADD CONSTRAINT rota_run_kind_check CHECK (kind IN ('scheduled', 'manual', 'enqueued', 'delayed', 'backfilled', 'caught-up')) NOT VALID;
ALTER TABLE rota_run VALIDATE CONSTRAINT rota_run_kind_check;
ALTER TABLE rota_task DROP COLUMN missed;
ALTER TABLE rota_task DROP COLUMN failed;
