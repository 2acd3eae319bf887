-- Links that let somebody register on a site that is closed otherwise.
CREATE TABLE invites (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash TEXT NOT NULL UNIQUE,
    note       TEXT NOT NULL DEFAULT '',
    uses_left  BIGINT NOT NULL CHECK (uses_left >= 0),
    created    TIMESTAMP NOT NULL,
    expires    TIMESTAMP NOT NULL
);

-- Who wants an account and has not shown yet that the e-mail address is his; one for each address. Whether somebody has
-- that address already is found out when the letter is written.
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

-- When the owner of the account showed that the address is his.
ALTER TABLE users ADD COLUMN email_confirmed TIMESTAMP;
