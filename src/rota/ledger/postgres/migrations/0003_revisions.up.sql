-- What a revision was made from: assumptions (a JSON list), the commit of the code and whether its tree had changes, the
-- version of the tool, and the revision whose content a rollback brought back.

ALTER TABLE rota_revision ADD COLUMN assumptions text NOT NULL DEFAULT '[]' CHECK (assumptions::json IS NOT NULL);
ALTER TABLE rota_revision ADD COLUMN git_commit text;
ALTER TABLE rota_revision ADD COLUMN git_dirty boolean;
ALTER TABLE rota_revision ADD COLUMN tool text;
ALTER TABLE rota_revision ADD COLUMN restores bigint;
