-- Chat rooms by name. A room with a `lobby_key` is one of them, and stands in no list of the other rooms.
ALTER TABLE rooms ADD COLUMN lobby_key TEXT;
CREATE UNIQUE INDEX rooms_lobby_key ON rooms (lobby_key) WHERE lobby_key IS NOT NULL;
CREATE INDEX rooms_lobby_order ON rooms (updated DESC, id DESC) WHERE lobby_key IS NOT NULL;
-- The lists of the other rooms never walk over them. The key, always null here, lets the index answer their counts alone.
DROP INDEX rooms_order;
CREATE INDEX rooms_order ON rooms (updated DESC, created DESC, id DESC, lobby_key) WHERE lobby_key IS NULL;

-- Said in such a room: by a person, or by a guest under this name.
ALTER TABLE messages ADD COLUMN in_lobby BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE messages ADD COLUMN guest_name TEXT CHECK (guest_name IS NULL OR (in_lobby AND user_id IS NULL));
CREATE UNIQUE INDEX messages_guest_client ON messages (room_id, guest_name, client_id)
    WHERE guest_name IS NOT NULL AND client_id IS NOT NULL;
DROP INDEX messages_recent;
CREATE INDEX messages_recent ON messages (created DESC, id DESC) WHERE deleted IS NULL AND NOT in_lobby;

-- What makes two names look the same, as the program's own function says it (kit::db::look_text). No index may use it.
CREATE FUNCTION look(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT btrim(regexp_replace(normalize(replace(lower(regexp_replace(normalize($1, NFKC),
        '[\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5\u180B-\u180F\u200B-\u200F\u202A-\u202E\u2060-\u206F\u2800\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A\U000E0000-\U000E0FFF]+', '', 'g')
        COLLATE "und-x-icu"), 'ς', 'σ'), NFKC), '[\t\n\v\f\r \u0085\u1680\u2028\u2029]+', ' ', 'g')) $$;

-- How a person's names look, so that no guest takes one that cannot be told from them.
ALTER TABLE users ADD COLUMN username_look TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_look TEXT NOT NULL DEFAULT '';
UPDATE users SET username_look = look(username), name_look = look(name);
CREATE INDEX users_username_look ON users (username_look);
CREATE INDEX users_name_look ON users (name_look);
