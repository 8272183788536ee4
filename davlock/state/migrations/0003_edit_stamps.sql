-- What FrontPage knows the content of a document by: change is a number that each content gets and none has twice, stamped the second of
-- the change, moved on so that each content of a document has its own.
ALTER TABLE documents ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE documents ADD COLUMN stamped INTEGER;
ALTER TABLE drafts ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE drafts ADD COLUMN stamped INTEGER NOT NULL DEFAULT 0;
