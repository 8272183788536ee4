-- Users by number, for protocols that name them so. A number is never given twice, and stays that of its name.
CREATE TABLE principals (
    id   INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    name TEXT NOT NULL UNIQUE
);
INSERT INTO principals (name) SELECT name FROM accounts ORDER BY since, name;

-- The most that can be done with a document, whatever the configuration allows for its name.
ALTER TABLE documents ADD COLUMN semantics TEXT NOT NULL DEFAULT 'Versioning' CHECK (semantics IN ('None', 'Locking', 'Versioning'));
