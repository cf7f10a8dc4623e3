-- Without the indexes for looking back.
DROP INDEX rota_run_failed;
DROP INDEX rota_run_scheduled;
