-- Without them.
ALTER TABLE rota_node DROP COLUMN clock_offset;
ALTER TABLE rota_schedule DROP COLUMN ruled_at;
