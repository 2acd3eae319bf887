-- The words of rooms, messages, people and projects, to be searched. An index of words alone: the texts stay where they are. What
-- can be found stands in the four views; the triggers keep the words in step with them, whoever writes, and one cascade
-- after another.
CREATE VIEW room_texts AS
    SELECT r.id, r.name AS title, r.description || ' ' || coalesce(t.name, '') AS rest
    FROM rooms r LEFT JOIN topics t ON t.id = r.topic_id WHERE r.lobby_key IS NULL;
CREATE VIEW message_texts AS
    SELECT id, '' AS title, body AS rest FROM messages WHERE deleted IS NULL AND NOT in_lobby;
CREATE VIEW person_texts AS
    SELECT u.id, u.name || ' ' || u.username AS title,
           coalesce((SELECT group_concat(s.name, ' ') FROM skills s WHERE s.user_id = u.id), '') || ' '
               || coalesce(p.short_intro || ' ' || p.bio, '') AS rest
    FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.is_active;
CREATE VIEW project_texts AS
    SELECT p.id, p.title,
           coalesce((SELECT group_concat(t.name, ' ') FROM project_tags pt JOIN tags t ON t.id = pt.tag_id
                     WHERE pt.project_id = p.id), '') || ' ' || p.description AS rest
    FROM projects p;

-- Letters, digits and marks make words (without the marks हिन्दी would be three); case and the diacritics of Latin letters do not count.
-- Short beginnings have an index, since too many words have them. It is kept in what a word stands, not at which place.
CREATE VIRTUAL TABLE room_words USING fts5(title, rest, content='', contentless_delete=1, prefix='2 3 4', detail=column,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc'");
CREATE VIRTUAL TABLE message_words USING fts5(rest, content='', contentless_delete=1, prefix='2 3 4', detail=none,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc'");
CREATE VIRTUAL TABLE person_words USING fts5(title, rest, content='', contentless_delete=1, prefix='2 3 4', detail=column,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc'");
CREATE VIRTUAL TABLE project_words USING fts5(title, rest, content='', contentless_delete=1, prefix='2 3 4', detail=column,
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Mn Mc'");
INSERT INTO room_words (rowid, title, rest) SELECT id, title, rest FROM room_texts;
INSERT INTO message_words (rowid, rest) SELECT id, rest FROM message_texts;
INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts;
INSERT INTO project_words (rowid, title, rest) SELECT id, title, rest FROM project_texts;

-- Messages: the one table that is written all the time, and whose words stand in one column.
CREATE TRIGGER message_words_insert AFTER INSERT ON messages WHEN NEW.deleted IS NULL AND NOT NEW.in_lobby
BEGIN
    INSERT INTO message_words (rowid, rest) VALUES (NEW.id, NEW.body);
END;
CREATE TRIGGER message_words_update AFTER UPDATE OF id, body, deleted, in_lobby ON messages
BEGIN
    DELETE FROM message_words WHERE rowid = OLD.id;
    INSERT INTO message_words (rowid, rest) SELECT id, rest FROM message_texts WHERE id = NEW.id;
END;
CREATE TRIGGER message_words_delete AFTER DELETE ON messages WHEN OLD.deleted IS NULL AND NOT OLD.in_lobby
BEGIN
    DELETE FROM message_words WHERE rowid = OLD.id;
END;

CREATE TRIGGER room_words_insert AFTER INSERT ON rooms WHEN NEW.lobby_key IS NULL
BEGIN
    INSERT INTO room_words (rowid, title, rest) SELECT id, title, rest FROM room_texts WHERE id = NEW.id;
END;
CREATE TRIGGER room_words_update AFTER UPDATE OF id, name, description, topic_id, lobby_key ON rooms
BEGIN
    DELETE FROM room_words WHERE rowid = OLD.id;
    INSERT INTO room_words (rowid, title, rest) SELECT id, title, rest FROM room_texts WHERE id = NEW.id;
END;
CREATE TRIGGER room_words_delete AFTER DELETE ON rooms WHEN OLD.lobby_key IS NULL
BEGIN
    DELETE FROM room_words WHERE rowid = OLD.id;
END;
CREATE TRIGGER room_words_topic AFTER UPDATE OF name ON topics
BEGIN
    DELETE FROM room_words WHERE rowid IN (SELECT id FROM rooms WHERE topic_id = NEW.id);
    INSERT INTO room_words (rowid, title, rest)
        SELECT id, title, rest FROM room_texts WHERE id IN (SELECT id FROM rooms WHERE topic_id = NEW.id);
END;

-- People: what is known of one stands in three tables.
CREATE TRIGGER person_words_insert AFTER INSERT ON users WHEN NEW.is_active
BEGIN
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = NEW.id;
END;
CREATE TRIGGER person_words_update AFTER UPDATE OF id, name, username, is_active ON users
BEGIN
    DELETE FROM person_words WHERE rowid = OLD.id;
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = NEW.id;
END;
CREATE TRIGGER person_words_delete AFTER DELETE ON users
BEGIN
    DELETE FROM person_words WHERE rowid = OLD.id;
END;
CREATE TRIGGER person_words_profile_insert AFTER INSERT ON profiles WHEN NEW.short_intro <> '' OR NEW.bio <> ''
BEGIN
    DELETE FROM person_words WHERE rowid = NEW.user_id;
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = NEW.user_id;
END;
CREATE TRIGGER person_words_profile_update AFTER UPDATE OF short_intro, bio ON profiles
BEGIN
    DELETE FROM person_words WHERE rowid = NEW.user_id;
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = NEW.user_id;
END;
CREATE TRIGGER person_words_skill_insert AFTER INSERT ON skills
BEGIN
    DELETE FROM person_words WHERE rowid = NEW.user_id;
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = NEW.user_id;
END;
CREATE TRIGGER person_words_skill_update AFTER UPDATE OF name, user_id ON skills
BEGIN
    DELETE FROM person_words WHERE rowid IN (OLD.user_id, NEW.user_id);
    INSERT INTO person_words (rowid, title, rest)
        SELECT id, title, rest FROM person_texts WHERE id IN (OLD.user_id, NEW.user_id);
END;
CREATE TRIGGER person_words_skill_delete AFTER DELETE ON skills
BEGIN
    DELETE FROM person_words WHERE rowid = OLD.user_id;
    INSERT INTO person_words (rowid, title, rest) SELECT id, title, rest FROM person_texts WHERE id = OLD.user_id;
END;

CREATE TRIGGER project_words_insert AFTER INSERT ON projects
BEGIN
    INSERT INTO project_words (rowid, title, rest) SELECT id, title, rest FROM project_texts WHERE id = NEW.id;
END;
CREATE TRIGGER project_words_update AFTER UPDATE OF id, title, description ON projects
BEGIN
    DELETE FROM project_words WHERE rowid = OLD.id;
    INSERT INTO project_words (rowid, title, rest) SELECT id, title, rest FROM project_texts WHERE id = NEW.id;
END;
CREATE TRIGGER project_words_delete AFTER DELETE ON projects
BEGIN
    DELETE FROM project_words WHERE rowid = OLD.id;
END;
CREATE TRIGGER project_words_tag_insert AFTER INSERT ON project_tags
BEGIN
    DELETE FROM project_words WHERE rowid = NEW.project_id;
    INSERT INTO project_words (rowid, title, rest) SELECT id, title, rest FROM project_texts WHERE id = NEW.project_id;
END;
CREATE TRIGGER project_words_tag_delete AFTER DELETE ON project_tags
BEGIN
    DELETE FROM project_words WHERE rowid = OLD.project_id;
    INSERT INTO project_words (rowid, title, rest) SELECT id, title, rest FROM project_texts WHERE id = OLD.project_id;
END;
CREATE TRIGGER project_words_tag_update AFTER UPDATE OF name ON tags
BEGIN
    DELETE FROM project_words WHERE rowid IN (SELECT project_id FROM project_tags WHERE tag_id = NEW.id);
    INSERT INTO project_words (rowid, title, rest)
        SELECT id, title, rest FROM project_texts WHERE id IN (SELECT project_id FROM project_tags WHERE tag_id = NEW.id);
END;
