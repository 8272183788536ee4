-- Once more, each index is a page more in every commit that grants or ends a lock. So: locks lie where they are looked for. A place is the
-- path with its last slash doubled: "/a//b". So the members of a folder lie side by side, and so does all that is below it. And the
-- time before which none runs out is among the numbers that every decision reads anyway.
CREATE TABLE locks_2 (
    place      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('LOCK', 'EDIT', 'CHECKOUT')),
    slot       INTEGER NOT NULL,
    root       TEXT NOT NULL,
    token      TEXT NOT NULL UNIQUE,
    scope      TEXT NOT NULL CHECK (scope IN ('exclusive', 'shared')),
    deep       INTEGER NOT NULL CHECK (deep IN (0, 1)),
    principal  TEXT NOT NULL,
    door       TEXT NOT NULL,
    since      REAL NOT NULL,
    expires    REAL,
    generation INTEGER NOT NULL,
    owner      TEXT NOT NULL,
    document   INTEGER REFERENCES documents (id),
    comment    TEXT NOT NULL,
    -- Two exclusive locks of a kind on one root cannot be stored, whatever the program does: expired ones are removed before a new one comes.
    PRIMARY KEY (place, kind, slot),
    CHECK (slot = CASE scope WHEN 'exclusive' THEN 0 ELSE generation END),
    CHECK (kind = 'LOCK' OR (scope = 'exclusive' AND deep = 0)),
    CHECK (kind = 'CHECKOUT' OR expires IS NOT NULL)
) WITHOUT ROWID;
INSERT INTO locks_2 (place, kind, slot, root, token, scope, deep, principal, door, since, expires, generation, owner, document, comment)
    SELECT CASE WHEN parent = '/' THEN '/' || root ELSE parent || '/' || substr(root, length(parent) + 1) END,
        kind, CASE scope WHEN 'exclusive' THEN 0 ELSE generation END, root, token, scope, deep, principal, door, since, expires, generation,
        owner, document, comment
    FROM locks;
DROP TABLE locks;
ALTER TABLE locks_2 RENAME TO locks;
CREATE INDEX locks_document ON locks (document) WHERE document IS NOT NULL;

ALTER TABLE counters ADD COLUMN soonest REAL NOT NULL DEFAULT 0;
