-- Without verdicts, incidents and messages. Runs that undid something stay in the history as started by hand.
DROP TABLE rota_tally;
DROP TABLE rota_notice;
DROP TABLE rota_incident;
DROP TABLE rota_watch;
DROP TABLE rota_verdict;
UPDATE rota_run SET kind = 'manual' WHERE kind = 'undo';
-- A check is a part of the table's text, and no row has to change for a wider one (https://sqlite.org/lang_altertable.html,
-- section 7: changes that do not affect what is on disk).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, '''backfilled'', ''caught-up'', ''undo'')', '''backfilled'', ''caught-up'')') WHERE type = 'table' AND name = 'rota_run';
PRAGMA writable_schema = RESET;
ALTER TABLE rota_task DROP COLUMN missed;
ALTER TABLE rota_task DROP COLUMN failed;
