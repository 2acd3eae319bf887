DROP TABLE inbox_messages;
ALTER TABLE users DROP COLUMN inbox_unread;
DROP TABLE reviews;
DROP TABLE project_tags;
DROP TABLE tags;
DROP TABLE projects;
DROP TABLE skills;
ALTER TABLE users ADD COLUMN bio TEXT NOT NULL DEFAULT '';
UPDATE users SET bio = (SELECT bio FROM profiles WHERE profiles.user_id = users.id)
    WHERE id IN (SELECT user_id FROM profiles);
DROP TABLE profiles;
