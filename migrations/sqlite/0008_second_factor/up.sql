-- A second factor: codes of an app that shares the secret, each good for half a minute. It counts once a first code was right.
CREATE TABLE second_factors (
    user_id   INTEGER PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret    TEXT NOT NULL,
    confirmed TIMESTAMP,
    last_step BIGINT NOT NULL DEFAULT 0
);

-- For who has lost the app: each lets in once, and is gone then. Only hashes are kept.
CREATE TABLE recovery_codes (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id   BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash TEXT NOT NULL,
    UNIQUE (user_id, code_hash)
);
