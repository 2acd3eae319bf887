-- People, their sessions, what the site remembers of itself, and texts kept over a log-in.
CREATE TABLE users (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    username     TEXT NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email        TEXT NOT NULL DEFAULT '',
    email_key    TEXT UNIQUE,
    name         TEXT NOT NULL DEFAULT '',
    bio          TEXT NOT NULL DEFAULT '',
    password     TEXT NOT NULL,
    is_active    BOOLEAN NOT NULL DEFAULT TRUE,
    is_staff     BOOLEAN NOT NULL DEFAULT FALSE,
    is_superuser BOOLEAN NOT NULL DEFAULT FALSE,
    date_joined  TIMESTAMP NOT NULL,
    last_login   TIMESTAMP
);

CREATE TABLE sessions (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash TEXT NOT NULL UNIQUE,
    user_id    BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created    TIMESTAMP NOT NULL,
    last_seen  TIMESTAMP NOT NULL,
    expires    TIMESTAMP NOT NULL,
    user_agent TEXT NOT NULL DEFAULT '',
    address    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
);

CREATE TABLE stash (
    token_hash TEXT PRIMARY KEY NOT NULL,
    path       TEXT NOT NULL,
    fields     TEXT NOT NULL,
    expires    TIMESTAMP NOT NULL
);
