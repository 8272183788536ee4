-- Numbers that only rise: the clock (highest time ever granted by) and the generation of the last lock.
CREATE TABLE counters (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('clock', 0.0), ('generation', 0);

CREATE TABLE accounts (
    name          TEXT PRIMARY KEY,
    password_hash TEXT NOT NULL,
    admin         INTEGER NOT NULL CHECK (admin IN (0, 1)),
    since         REAL NOT NULL
) WITHOUT ROWID;

-- Identities. path is NULL once nothing on the disk has it any more; left_* is where it was last, for tunnelling.
CREATE TABLE documents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    path       TEXT UNIQUE,
    parent     TEXT,
    version    INTEGER NOT NULL DEFAULT 0,
    inode      INTEGER,
    size       INTEGER,
    mtime_ns   INTEGER,
    sha256     TEXT,
    created    REAL,
    changed    REAL,
    changed_by TEXT NOT NULL DEFAULT '',
    door       TEXT NOT NULL DEFAULT '',
    left_path  TEXT,
    left_at    REAL,
    left_by    TEXT
);
CREATE INDEX documents_parent ON documents (parent);
CREATE INDEX documents_left ON documents (left_path) WHERE left_path IS NOT NULL;
CREATE INDEX documents_gone ON documents (left_at) WHERE path IS NULL;

CREATE TABLE properties (
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,
    xml      TEXT NOT NULL,
    PRIMARY KEY (document, name)
) WITHOUT ROWID;

CREATE TABLE locks (
    token      TEXT PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('LOCK', 'EDIT', 'CHECKOUT')),
    scope      TEXT NOT NULL CHECK (scope IN ('exclusive', 'shared')),
    deep       INTEGER NOT NULL CHECK (deep IN (0, 1)),
    root       TEXT NOT NULL,
    parent     TEXT NOT NULL,
    principal  TEXT NOT NULL,
    door       TEXT NOT NULL,
    since      REAL NOT NULL,
    expires    REAL,
    generation INTEGER NOT NULL UNIQUE,
    owner      TEXT NOT NULL,
    document   INTEGER REFERENCES documents (id),
    CHECK (kind = 'LOCK' OR (scope = 'exclusive' AND deep = 0)),
    CHECK (kind = 'CHECKOUT' OR expires IS NOT NULL)
) WITHOUT ROWID;
CREATE INDEX locks_root ON locks (root);
CREATE INDEX locks_parent ON locks (parent);
CREATE INDEX locks_expires ON locks (expires);
CREATE INDEX locks_document ON locks (document) WHERE document IS NOT NULL;
-- The illegal state cannot be stored, whatever the program does: expired rows of a root are removed before a new one comes.
CREATE UNIQUE INDEX locks_exclusive ON locks (root, kind) WHERE scope = 'exclusive';

CREATE TABLE breaks (
    token     TEXT NOT NULL,
    kind      TEXT NOT NULL,
    root      TEXT NOT NULL,
    principal TEXT NOT NULL,
    broken_by TEXT NOT NULL,
    reason    TEXT NOT NULL,
    at        REAL NOT NULL
);

-- The journal: what is about to be renamed.
CREATE TABLE intents (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL CHECK (kind IN ('delete', 'move', 'copy', 'create')),
    source    TEXT NOT NULL,
    target    TEXT NOT NULL,
    spelling  TEXT NOT NULL,
    inode     INTEGER NOT NULL,
    replaces  INTEGER NOT NULL CHECK (replaces IN (0, 1)),
    principal TEXT NOT NULL,
    door      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    staged    TEXT NOT NULL
) WITHOUT ROWID;
