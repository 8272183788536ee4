-- Each index is a page more in every commit that grants or ends a lock. So: locks are numbered by their generation; what no query looks
-- for has no index, and what is looked for and what must be unique share one; and a checkout, which does not expire, is not among what does.
CREATE TABLE locks_2 (
    generation INTEGER PRIMARY KEY,
    root       TEXT NOT NULL,
    token      TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL CHECK (kind IN ('LOCK', 'EDIT', 'CHECKOUT')),
    scope      TEXT NOT NULL CHECK (scope IN ('exclusive', 'shared')),
    deep       INTEGER NOT NULL CHECK (deep IN (0, 1)),
    parent     TEXT NOT NULL,
    principal  TEXT NOT NULL,
    door       TEXT NOT NULL,
    since      REAL NOT NULL,
    expires    REAL,
    owner      TEXT NOT NULL,
    document   INTEGER REFERENCES documents (id),
    comment    TEXT NOT NULL,
    CHECK (kind = 'LOCK' OR (scope = 'exclusive' AND deep = 0)),
    CHECK (kind = 'CHECKOUT' OR expires IS NOT NULL)
);
INSERT INTO locks_2 (root, generation, token, kind, scope, deep, parent, principal, door, since, expires, owner, document, comment)
    SELECT root, generation, token, kind, scope, deep, parent, principal, door, since, expires, owner, document, comment FROM locks;
DROP TABLE locks;
ALTER TABLE locks_2 RENAME TO locks;
CREATE INDEX locks_parent ON locks (parent);
CREATE INDEX locks_expires ON locks (expires) WHERE expires IS NOT NULL;
CREATE INDEX locks_document ON locks (document) WHERE document IS NOT NULL;
-- Two exclusive locks of a kind on one root cannot be stored, whatever the program does: expired ones are removed before a new one comes.
CREATE UNIQUE INDEX locks_root ON locks (root, kind, CASE scope WHEN 'exclusive' THEN 0 ELSE generation END);

CREATE TABLE history_2 (
    id        INTEGER PRIMARY KEY,
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
INSERT INTO history_2 SELECT id, token, kind, path, document, principal, door, since, comment, ended, how, ended_by, reason FROM history;
DROP TABLE history;
ALTER TABLE history_2 RENAME TO history;
CREATE INDEX history_path ON history (path) WHERE document IS NULL;
CREATE INDEX history_document ON history (document) WHERE document IS NOT NULL;

-- The numbers that only rise, in one row: every decision that changes something reads and writes both.
CREATE TABLE installation (name TEXT NOT NULL);
INSERT INTO installation SELECT value FROM counters WHERE name = 'installation';
CREATE TABLE counters_2 (
    only       INTEGER PRIMARY KEY CHECK (only = 1),
    clock      REAL NOT NULL,
    generation INTEGER NOT NULL
);
INSERT INTO counters_2
    SELECT 1, clock.value, generation.value FROM counters clock, counters generation WHERE clock.name = 'clock' AND generation.name = 'generation';
DROP TABLE counters;
ALTER TABLE counters_2 RENAME TO counters;

-- Of the documents in a folder, the few with which less can be done.
CREATE INDEX documents_limited ON documents (parent) WHERE semantics <> 'Versioning';
