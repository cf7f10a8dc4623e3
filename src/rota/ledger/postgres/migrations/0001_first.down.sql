-- Back to an empty schema: everything that is Rota's goes, nothing else. The schema itself stays: somebody may have
-- made it for Rota, with grants of their own.
DROP TABLE rota_change;
DROP TABLE rota_queue;
DROP TABLE rota_node;
DROP TABLE rota_log;
DROP TABLE rota_attempt;
DROP TABLE rota_range;
DROP TABLE rota_run;
DROP FUNCTION rota_run_names();
DROP TABLE rota_schedule;
DROP TABLE rota_task;
DROP TABLE rota_revision;
DROP TABLE rota_meta;
