-- When a second factor was begun: one that no first code confirms is over after an hour. None: before this was noted.
ALTER TABLE second_factors ADD COLUMN made TIMESTAMP;

-- Raised with each link for another e-mail address that is asked for, and when one is used: only the newest works, once.
ALTER TABLE users ADD COLUMN email_serial BIGINT NOT NULL DEFAULT 0;
