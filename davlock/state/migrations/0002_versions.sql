-- The newest version of a document is its row, as its bytes are the document's file; the earlier ones are here, and their bytes in
-- .davlock/versions. inode, size and mtime_ns are those of the file while it was the document.
ALTER TABLE documents ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN extra TEXT NOT NULL DEFAULT '[]';
ALTER TABLE documents ADD COLUMN session INTEGER;
CREATE TABLE versions (
    document   INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    inode      INTEGER NOT NULL,
    size       INTEGER NOT NULL,
    mtime_ns   INTEGER NOT NULL,
    sha256     TEXT,
    changed    REAL,
    changed_by TEXT NOT NULL,
    door       TEXT NOT NULL,
    comment    TEXT NOT NULL,
    extra      TEXT NOT NULL,
    is_kept    INTEGER NOT NULL CHECK (is_kept IN (0, 1)),
    replaced   REAL NOT NULL,
    PRIMARY KEY (document, number)
) WITHOUT ROWID;

-- What the holder of a checkout has written, under its name in .davlock/drafts; ended once the checkout has ended without a
-- check-in: then it is rescued.
CREATE TABLE drafts (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    document  INTEGER NOT NULL REFERENCES documents (id),
    token     TEXT NOT NULL,
    path      TEXT NOT NULL,
    principal TEXT NOT NULL,
    file      TEXT NOT NULL UNIQUE,
    size      INTEGER NOT NULL,
    sha256    TEXT NOT NULL,
    saved     REAL NOT NULL,
    door      TEXT NOT NULL,
    ended     REAL,
    how       TEXT NOT NULL DEFAULT '',
    ended_by  TEXT NOT NULL DEFAULT '',
    reason    TEXT NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX drafts_token ON drafts (token) WHERE ended IS NULL;
CREATE INDEX drafts_document ON drafts (document);
CREATE INDEX drafts_ended ON drafts (ended) WHERE ended IS NOT NULL;

-- What its holder says a lock is for.
ALTER TABLE locks ADD COLUMN comment TEXT NOT NULL DEFAULT '';
CREATE INDEX locks_holder ON locks (principal, kind);

-- Locks and checkouts that have ended.
CREATE TABLE history (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    token     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    path      TEXT NOT NULL,
    document  INTEGER,
    principal TEXT NOT NULL,
    door      TEXT NOT NULL,
    since     REAL NOT NULL,
    comment   TEXT NOT NULL,
    ended     REAL NOT NULL,
    how       TEXT NOT NULL,
    ended_by  TEXT NOT NULL,
    reason    TEXT NOT NULL
);
CREATE INDEX history_token ON history (token);
CREATE INDEX history_path ON history (path) WHERE document IS NULL;
CREATE INDEX history_document ON history (document) WHERE document IS NOT NULL;
INSERT INTO history (token, kind, path, principal, door, since, comment, ended, how, ended_by, reason)
    SELECT token, kind, root, principal, '', at, '', at, 'broken', broken_by, reason FROM breaks;
DROP TABLE breaks;

-- More kinds of intent: save (into a draft) and checkin. An intent is over within milliseconds, so none is taken over but those of
-- a crash, with what they have.
CREATE TABLE intents_2 (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL CHECK (kind IN ('delete', 'move', 'copy', 'create', 'save', 'checkin')),
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
INSERT INTO intents_2 SELECT *, '' FROM intents;
DROP TABLE intents;
ALTER TABLE intents_2 RENAME TO intents;
