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

-- How a person's names look, so that no guest takes one that cannot be told from them.
ALTER TABLE users ADD COLUMN username_look TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN name_look TEXT NOT NULL DEFAULT '';
UPDATE users SET username_look = look(username), name_look = look(name);
CREATE INDEX users_username_look ON users (username_look);
CREATE INDEX users_name_look ON users (name_look);
