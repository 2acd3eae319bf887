-- Letters that wait to be sent. A row says of what kind it is and whom it is about; the words, and any link that lets
-- somebody in, are made when it goes. A letter that went is deleted; one that was given up stays for a while.
CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL,
    params        TEXT NOT NULL,
    created       TIMESTAMP NOT NULL,
    due           TIMESTAMP NOT NULL,
    expires       TIMESTAMP NOT NULL,
    attempts      BIGINT NOT NULL DEFAULT 0,
    claimed_until TIMESTAMP,
    trouble       TEXT NOT NULL DEFAULT '',
    given_up      TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (due) WHERE given_up IS NULL;

-- Raised with each link for a new password that is sent: only the newest works, and only once.
ALTER TABLE users ADD COLUMN reset_serial BIGINT NOT NULL DEFAULT 0;
