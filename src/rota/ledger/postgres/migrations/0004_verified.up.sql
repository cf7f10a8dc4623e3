-- A revision may have to be confirmed by an instant, or it is put back; and what was measured before it was applied.
ALTER TABLE rota_revision ADD COLUMN confirm_by bigint;
ALTER TABLE rota_revision ADD COLUMN measures text CHECK (measures IS NULL OR measures::json IS NOT NULL);
