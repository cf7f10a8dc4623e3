-- Without what a revision was made from; the revisions themselves stay.
ALTER TABLE rota_revision DROP COLUMN restores;
ALTER TABLE rota_revision DROP COLUMN tool;
ALTER TABLE rota_revision DROP COLUMN git_dirty;
ALTER TABLE rota_revision DROP COLUMN git_commit;
ALTER TABLE rota_revision DROP COLUMN assumptions;
