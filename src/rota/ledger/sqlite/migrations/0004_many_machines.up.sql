-- Since when a schedule's rule holds, so that history can be compared with it; and how far a node's own clock is off.
ALTER TABLE rota_schedule ADD COLUMN ruled_at INTEGER;
ALTER TABLE rota_node ADD COLUMN clock_offset INTEGER;
