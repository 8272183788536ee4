-- The change by which the content of a document was deleted, while the document stays; any later change gives it content again.
ALTER TABLE documents ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0;

-- One more kind of intent, for that.
CREATE TABLE intents_3 (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL CHECK (kind IN ('delete', 'move', 'copy', 'create', 'save', 'checkin', 'empty')),
    source    TEXT NOT NULL,
    target    TEXT NOT NULL,
    spelling  TEXT NOT NULL,
    inode     INTEGER NOT NULL,
    replaces  INTEGER NOT NULL CHECK (replaces IN (0, 1)),
    principal TEXT NOT NULL,
    door      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    staged    TEXT NOT NULL,
    details   TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
INSERT INTO intents_3 SELECT * FROM intents;
DROP TABLE intents;
ALTER TABLE intents_3 RENAME TO intents;
