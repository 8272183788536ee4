-- What lets somebody in without his password: access tokens, and sessions of browsers. secret is the SHA-256 of what is shown; parent is
-- the token that a session began with, and ends with. None outlives its account.
CREATE TABLE tokens (
    id         INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 2147483647),
    secret     BLOB NOT NULL UNIQUE CHECK (length(secret) = 32),
    principal  TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    name       TEXT NOT NULL,
    since      REAL NOT NULL,
    expires    REAL NOT NULL,
    used       REAL,
    is_session INTEGER NOT NULL CHECK (is_session IN (0, 1)),
    parent     INTEGER REFERENCES tokens (id) ON DELETE CASCADE,
    CHECK (is_session OR parent IS NULL)
);
CREATE INDEX tokens_principal ON tokens (principal);
CREATE INDEX tokens_expires ON tokens (expires);
CREATE INDEX tokens_parent ON tokens (parent) WHERE parent IS NOT NULL;
