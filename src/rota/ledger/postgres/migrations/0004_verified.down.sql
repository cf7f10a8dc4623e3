-- What waits for its confirmation is kept as it is.
ALTER TABLE rota_revision DROP COLUMN measures;
ALTER TABLE rota_revision DROP COLUMN confirm_by;
