-- What has become of documents, written together with it (a transactional outbox), to be told to those who listen. Numbered in the order
-- of the commits; the newest row is never forgotten, so that no number is given twice. details: JSON.
CREATE TABLE events (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    at        REAL NOT NULL,
    document  INTEGER,
    path      TEXT NOT NULL,
    principal TEXT NOT NULL,
    door      TEXT NOT NULL,
    details   TEXT NOT NULL
);

-- Who is told by HTTP. events, headers, properties: JSON. sent: the last event that was delivered, or that came before the registration;
-- tries: attempts made to deliver the next one.
CREATE TABLE webhooks (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    name               TEXT NOT NULL,
    events             TEXT NOT NULL,
    target             TEXT NOT NULL,
    secret             TEXT NOT NULL,
    state              TEXT NOT NULL CHECK (state IN ('Active', 'Stopped', 'TooManyErrors')),
    headers            TEXT NOT NULL,
    properties         TEXT NOT NULL,
    description        TEXT NOT NULL,
    errors_email       TEXT NOT NULL,
    registered         REAL NOT NULL,
    registered_by      TEXT NOT NULL,
    updated            REAL NOT NULL,
    updated_by         TEXT NOT NULL,
    sent               INTEGER NOT NULL,
    tries              INTEGER NOT NULL DEFAULT 0,
    total_calls        INTEGER NOT NULL DEFAULT 0,
    total_errors       INTEGER NOT NULL DEFAULT 0,
    consecutive_errors INTEGER NOT NULL DEFAULT 0,
    last_error         TEXT NOT NULL DEFAULT ''
);

-- What tells the events of this state from those of any other one.
INSERT INTO counters VALUES ('installation', lower(hex(randomblob(16))));
