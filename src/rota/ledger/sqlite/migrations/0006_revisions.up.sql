-- What a revision was made from: assumptions (a JSON list), the commit of the code and whether its tree had changes, the
-- version of the tool, and the revision whose content a rollback brought back.

ALTER TABLE rota_revision ADD COLUMN assumptions TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(assumptions));
ALTER TABLE rota_revision ADD COLUMN git_commit TEXT;
ALTER TABLE rota_revision ADD COLUMN git_dirty INTEGER CHECK (git_dirty IN (0, 1));
ALTER TABLE rota_revision ADD COLUMN tool TEXT;
ALTER TABLE rota_revision ADD COLUMN restores INTEGER;
