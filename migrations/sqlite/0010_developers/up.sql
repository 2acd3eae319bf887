-- What people tell of themselves, what they can do, what they made, what others think of it, and what they write to each other.

-- One for each person, under his number. The words about himself move here from the account.
CREATE TABLE profiles (
    user_id         INTEGER PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    short_intro     TEXT NOT NULL DEFAULT '',
    location        TEXT NOT NULL DEFAULT '',
    bio             TEXT NOT NULL DEFAULT '',
    bio_html        TEXT NOT NULL DEFAULT '',
    social_github   TEXT NOT NULL DEFAULT '',
    social_twitter  TEXT NOT NULL DEFAULT '',
    social_linkedin TEXT NOT NULL DEFAULT '',
    social_youtube  TEXT NOT NULL DEFAULT '',
    social_website  TEXT NOT NULL DEFAULT '',
    created         TIMESTAMP NOT NULL
);
CREATE INDEX profiles_created ON profiles (created, user_id);
INSERT INTO profiles (user_id, bio, created) SELECT id, bio, date_joined FROM users;
ALTER TABLE users DROP COLUMN bio;

CREATE TABLE skills (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     BIGINT NOT NULL REFERENCES profiles (user_id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    created     TIMESTAMP NOT NULL
);
CREATE INDEX skills_user ON skills (user_id);

-- Totals are counted anew with each vote; the conditions refuse any that do not fit each other.
CREATE TABLE projects (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id         BIGINT REFERENCES users (id) ON DELETE CASCADE,
    title            TEXT NOT NULL,
    title_key        TEXT NOT NULL,
    description      TEXT NOT NULL DEFAULT '',
    description_html TEXT NOT NULL DEFAULT '',
    featured_image   TEXT,
    demo_link        TEXT NOT NULL DEFAULT '',
    source_link      TEXT NOT NULL DEFAULT '',
    votes_up         BIGINT NOT NULL DEFAULT 0,
    vote_total       BIGINT NOT NULL DEFAULT 0,
    vote_ratio       BIGINT NOT NULL DEFAULT 0,
    created          TIMESTAMP NOT NULL,
    updated          TIMESTAMP NOT NULL,
    CHECK (votes_up BETWEEN 0 AND vote_total),
    CHECK (vote_ratio = CASE WHEN vote_total = 0 THEN 0 ELSE votes_up * 100 / vote_total END)
);
CREATE INDEX projects_order ON projects (vote_ratio DESC, vote_total DESC, title_key, id);
CREATE INDEX projects_owner ON projects (owner_id);

CREATE TABLE tags (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    created  TIMESTAMP NOT NULL
);

CREATE TABLE project_tags (
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    tag_id     BIGINT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    PRIMARY KEY (project_id, tag_id)
);
CREATE INDEX project_tags_tag ON project_tags (tag_id, project_id);

-- One for each person and project. Imported ones may have lost their writer.
CREATE TABLE reviews (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id BIGINT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    owner_id   BIGINT REFERENCES users (id) ON DELETE CASCADE,
    value      TEXT NOT NULL CHECK (value IN ('up', 'down')),
    body       TEXT NOT NULL DEFAULT '',
    body_html  TEXT NOT NULL DEFAULT '',
    created    TIMESTAMP NOT NULL,
    updated    TIMESTAMP NOT NULL,
    UNIQUE (project_id, owner_id)
);
CREATE INDEX reviews_owner ON reviews (owner_id);

-- Nobody reviews his own project.
CREATE TRIGGER reviews_not_own_insert BEFORE INSERT ON reviews
WHEN NEW.owner_id = (SELECT owner_id FROM projects WHERE id = NEW.project_id)
BEGIN
    SELECT RAISE(ABORT, 'a review of one''s own project');
END;
CREATE TRIGGER reviews_not_own_update BEFORE UPDATE OF owner_id, project_id ON reviews
WHEN NEW.owner_id = (SELECT owner_id FROM projects WHERE id = NEW.project_id)
BEGIN
    SELECT RAISE(ABORT, 'a review of one''s own project');
END;

-- What people write to one. Who is not logged in gives name and address himself.
CREATE TABLE inbox_messages (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sender_id    BIGINT REFERENCES users (id) ON DELETE SET NULL,
    name         TEXT NOT NULL,
    email        TEXT NOT NULL DEFAULT '',
    subject      TEXT NOT NULL,
    body         TEXT NOT NULL,
    body_html    TEXT NOT NULL DEFAULT '',
    is_read      BOOLEAN NOT NULL DEFAULT FALSE,
    created      TIMESTAMP NOT NULL,
    CHECK (sender_id IS NULL OR sender_id <> recipient_id)
);
CREATE INDEX inbox_messages_order ON inbox_messages (recipient_id, is_read, created DESC, id DESC);
CREATE INDEX inbox_messages_sender ON inbox_messages (sender_id);

-- How many of them wait, beside the account: each page of a person shows it and reads his account anyway.
ALTER TABLE users ADD COLUMN inbox_unread BIGINT NOT NULL DEFAULT 0 CHECK (inbox_unread >= 0);
CREATE TRIGGER inbox_unread_insert AFTER INSERT ON inbox_messages WHEN NOT NEW.is_read
BEGIN
    UPDATE users SET inbox_unread = inbox_unread + 1 WHERE id = NEW.recipient_id;
END;
CREATE TRIGGER inbox_unread_update AFTER UPDATE OF is_read ON inbox_messages WHEN NEW.is_read <> OLD.is_read
BEGIN
    UPDATE users SET inbox_unread = inbox_unread + CASE WHEN NEW.is_read THEN -1 ELSE 1 END WHERE id = NEW.recipient_id;
END;
CREATE TRIGGER inbox_unread_delete AFTER DELETE ON inbox_messages WHEN NOT OLD.is_read
BEGIN
    UPDATE users SET inbox_unread = inbox_unread - 1 WHERE id = OLD.recipient_id;
END;
