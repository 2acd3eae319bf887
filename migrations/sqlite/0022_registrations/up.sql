-- Several may wait for one address: a stranger's does not replace its owner's. The password is chosen behind the link.
CREATE TABLE waiting (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    email      TEXT NOT NULL,
    username   TEXT NOT NULL,
    name       TEXT NOT NULL,
    token_hash TEXT UNIQUE,
    invite_id  BIGINT REFERENCES invites (id) ON DELETE CASCADE,
    created    TIMESTAMP NOT NULL,
    expires    TIMESTAMP NOT NULL
);
INSERT INTO waiting (id, email, username, name, token_hash, invite_id, created, expires)
    SELECT id, email, username, name, token_hash, invite_id, created, expires FROM registrations;
DROP TABLE registrations;
ALTER TABLE waiting RENAME TO registrations;
CREATE INDEX registrations_expires ON registrations (expires);
