-- Rooms that talk. Every post, edit and delete takes its room's next event number.
CREATE TABLE topics (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    name     TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    created  TIMESTAMP NOT NULL
);

CREATE TABLE rooms (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT NOT NULL,
    description TEXT NOT NULL DEFAULT '',
    host_id     BIGINT REFERENCES users (id) ON DELETE SET NULL,
    topic_id    BIGINT REFERENCES topics (id) ON DELETE SET NULL,
    last_event  BIGINT NOT NULL DEFAULT 0,
    created     TIMESTAMP NOT NULL,
    updated     TIMESTAMP NOT NULL
);
CREATE INDEX rooms_order ON rooms (updated DESC, created DESC, id DESC);
CREATE INDEX rooms_topic ON rooms (topic_id);
CREATE INDEX rooms_host ON rooms (host_id);

CREATE TABLE participants (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    joined  TIMESTAMP NOT NULL,
    removed TIMESTAMP,
    UNIQUE (room_id, user_id)
);
CREATE INDEX participants_user ON participants (user_id);

-- A deleted message leaves its row behind, without words or author, so that readers who were away learn of it.
CREATE TABLE messages (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id   BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id   BIGINT REFERENCES users (id) ON DELETE CASCADE,
    body      TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    client_id TEXT,
    created   TIMESTAMP NOT NULL,
    updated   TIMESTAMP NOT NULL,
    deleted   TIMESTAMP,
    UNIQUE (room_id, seq),
    UNIQUE (user_id, client_id),
    CHECK (version >= seq),
    CHECK (deleted IS NULL OR body = '')
);
CREATE INDEX messages_version ON messages (room_id, version);
CREATE INDEX messages_user ON messages (user_id, created DESC, id DESC);
CREATE INDEX messages_recent ON messages (created DESC, id DESC) WHERE deleted IS NULL;

CREATE TABLE visits (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    room_id  BIGINT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id  BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    last_seq BIGINT NOT NULL,
    UNIQUE (room_id, user_id)
);
CREATE INDEX visits_user ON visits (user_id);
