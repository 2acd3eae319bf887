DROP INDEX users_name_look;
DROP INDEX users_username_look;
ALTER TABLE users DROP COLUMN name_look;
ALTER TABLE users DROP COLUMN username_look;
DROP FUNCTION look(text);

-- Without their key they would be rooms like the others.
DELETE FROM rooms WHERE lobby_key IS NOT NULL;

DROP INDEX messages_recent;
DROP INDEX messages_guest_client;
ALTER TABLE messages DROP COLUMN guest_name;
ALTER TABLE messages DROP COLUMN in_lobby;
CREATE INDEX messages_recent ON messages (created DESC, id DESC) WHERE deleted IS NULL;

DROP INDEX rooms_order;
DROP INDEX rooms_lobby_order;
DROP INDEX rooms_lobby_key;
ALTER TABLE rooms DROP COLUMN lobby_key;
CREATE INDEX rooms_order ON rooms (updated DESC, created DESC, id DESC);
