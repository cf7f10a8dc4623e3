-- A revision may have to be confirmed by an instant, or it is put back; and what was measured before it was applied.
ALTER TABLE rota_revision ADD COLUMN confirm_by INTEGER;
ALTER TABLE rota_revision ADD COLUMN measures TEXT CHECK (measures IS NULL OR json_valid(measures));
