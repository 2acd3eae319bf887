-- Those that wait have no password: they are asked for again.
DROP TABLE registrations;
CREATE TABLE registrations (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    email      TEXT NOT NULL,
    email_key  TEXT NOT NULL UNIQUE,
    username   TEXT NOT NULL,
    name       TEXT NOT NULL,
    password   TEXT NOT NULL,
    token_hash TEXT UNIQUE,
    invite_id  BIGINT REFERENCES invites (id) ON DELETE CASCADE,
    created    TIMESTAMP NOT NULL,
    expires    TIMESTAMP NOT NULL
);
CREATE INDEX registrations_expires ON registrations (expires);
