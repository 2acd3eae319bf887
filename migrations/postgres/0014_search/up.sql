-- The words of rooms, messages, people and projects, to be searched, in tables beside theirs: a post touches its room's row, and must
-- not touch its words. What can be found stands in the four views; the triggers keep the words in step with them, whoever
-- writes.
CREATE VIEW room_texts AS
    SELECT r.id, r.name AS title, r.description || ' ' || coalesce(t.name, '') AS rest
    FROM rooms r LEFT JOIN topics t ON t.id = r.topic_id WHERE r.lobby_key IS NULL;
CREATE VIEW message_texts AS
    SELECT id, '' AS title, body AS rest FROM messages WHERE deleted IS NULL AND NOT in_lobby;
CREATE VIEW person_texts AS
    SELECT u.id, u.name || ' ' || u.username AS title,
           coalesce((SELECT string_agg(s.name, ' ') FROM skills s WHERE s.user_id = u.id), '') || ' '
               || coalesce(p.short_intro || ' ' || p.bio, '') AS rest
    FROM users u LEFT JOIN profiles p ON p.user_id = u.id WHERE u.is_active;
CREATE VIEW project_texts AS
    SELECT p.id, p.title,
           coalesce((SELECT string_agg(t.name, ' ') FROM project_tags pt JOIN tags t ON t.id = pt.tag_id
                     WHERE pt.project_id = p.id), '') || ' ' || p.description AS rest
    FROM projects p;

-- A text's words, with a space between: case and the diacritics of Latin letters do not count; letters, digits and the marks that
-- some scripts write their vowels with make words, all else parts them. No extension, and the same words as on SQLite. What is
-- made of it is kept as it was made: no index computes it anew.
CREATE FUNCTION plain_words(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT regexp_replace(replace(lower(normalize(regexp_replace(normalize($1, NFD),
        '([A-Za-z])[\u0300-\u036F]+', '\1', 'g'), NFC) COLLATE "und-x-icu"), 'ς', 'σ'),
        '[^[:alnum:]\u00B2\u00B3\u00B9\u00BC-\u00BE\u0300-\u036F\u0483-\u0487\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0610-\u061A\u064B-\u065F\u0670\u06D6-\u06DC\u06DF-\u06E4\u06E7\u06E8\u06EA-\u06ED\u0711\u0730-\u074A\u07A6-\u07B0\u07EB-\u07F3\u0816-\u082D\u0859-\u085B\u08D3-\u0963\u0966-\u096F\u0971-\u0DF3\u0E31-\u0E3A\u0E47-\u0E4E\u0EB1-\u0EBC\u0EC8-\u0ECE\u0F18\u0F19\u0F35\u0F37\u0F39\u0F3E\u0F3F\u0F71-\u0F84\u0F86-\u0FBC\u102B-\u103E\u1056-\u109D\u135D-\u137C\u1712-\u1734\u17B4-\u17D3\u180B-\u180D\u1920-\u193B\u1A17-\u1A1B\u1A55-\u1A7F\u1B00-\u1B04\u1B34-\u1B44\u1B80-\u1B82\u1BA1-\u1BAD\u1C24-\u1C37\u1DC0-\u1DFF\u2070\u2074-\u2079\u2080-\u2089\u20D0-\u20DC\u2150-\u2189\u2460-\u249B\u3099\u309A\uA66F\uA69E\uA69F\uA806\uA823-\uA827\uA880\uA881\uA8B4-\uA8C5\uA8E0-\uA8F1\uA926-\uA92D\uA947-\uA953\uA980-\uA983\uA9B3-\uA9C0\uAA29-\uAA36\uABE3-\uABED]+', ' ', 'g') $$;

-- The longest texts are cut: a vector has its limits, and refuses what is beyond.
CREATE FUNCTION word_vector(title text, rest text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT setweight(to_tsvector('simple', plain_words(left(title, 1000))), 'A')
                 || to_tsvector('simple', plain_words(left(rest, 100000))) $$;

CREATE TABLE room_words (
    id    BIGINT PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
CREATE TABLE message_words (
    id    BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
CREATE TABLE person_words (
    id    BIGINT PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
CREATE TABLE project_words (
    id    BIGINT PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
    words tsvector NOT NULL
);
INSERT INTO room_words SELECT id, word_vector(title, rest) FROM room_texts;
INSERT INTO message_words SELECT id, strip(word_vector(title, rest)) FROM message_texts;
INSERT INTO person_words SELECT id, word_vector(title, rest) FROM person_texts;
INSERT INTO project_words SELECT id, word_vector(title, rest) FROM project_texts;
-- Of the messages, which are many, it is kept which words they have, not where.
-- What waits to be put into an index is read through by each search: a little, then.
CREATE INDEX room_words_words ON room_words USING gin (words) WITH (gin_pending_list_limit = 256);
CREATE INDEX message_words_words ON message_words USING gin (words) WITH (gin_pending_list_limit = 256);
CREATE INDEX person_words_words ON person_words USING gin (words) WITH (gin_pending_list_limit = 256);
CREATE INDEX project_words_words ON project_words USING gin (words) WITH (gin_pending_list_limit = 256);

CREATE FUNCTION message_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.deleted IS NULL AND NOT NEW.in_lobby THEN
        INSERT INTO message_words VALUES (NEW.id, strip(word_vector('', NEW.body)))
            ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
    ELSIF TG_OP = 'UPDATE' THEN
        DELETE FROM message_words WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER message_words AFTER INSERT OR UPDATE OF body, deleted, in_lobby ON messages
    FOR EACH ROW EXECUTE FUNCTION message_words();

-- The row that the words are of is held meanwhile: of two who change what belongs to it, the second sees what the first did.
CREATE FUNCTION write_room_words(room bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM rooms WHERE id = room FOR NO KEY UPDATE;
    DELETE FROM room_words w WHERE w.id = room AND NOT EXISTS (SELECT 1 FROM room_texts t WHERE t.id = room);
    INSERT INTO room_words SELECT id, word_vector(title, rest) FROM room_texts WHERE id = room
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
CREATE FUNCTION room_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_room_words(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER room_words AFTER INSERT OR UPDATE OF name, description, topic_id, lobby_key ON rooms
    FOR EACH ROW EXECUTE FUNCTION room_words();
CREATE FUNCTION room_words_topic() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_room_words(id) FROM rooms WHERE topic_id = NEW.id ORDER BY id;
    RETURN NULL;
END $$;
CREATE TRIGGER room_words_topic AFTER UPDATE OF name ON topics
    FOR EACH ROW EXECUTE FUNCTION room_words_topic();

-- What is known of a person stands in three tables.
CREATE FUNCTION write_person_words(person bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = person FOR NO KEY UPDATE;
    DELETE FROM person_words w WHERE w.id = person AND NOT EXISTS (SELECT 1 FROM person_texts t WHERE t.id = person);
    INSERT INTO person_words SELECT id, word_vector(title, rest) FROM person_texts WHERE id = person
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
CREATE FUNCTION person_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_person_words(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER person_words AFTER INSERT OR UPDATE OF name, username, is_active ON users
    FOR EACH ROW EXECUTE FUNCTION person_words();
CREATE FUNCTION person_words_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM write_person_words(OLD.user_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM write_person_words(NEW.user_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER person_words_profile_insert AFTER INSERT ON profiles
    FOR EACH ROW WHEN (NEW.short_intro <> '' OR NEW.bio <> '') EXECUTE FUNCTION person_words_part();
CREATE TRIGGER person_words_profile_update AFTER UPDATE OF short_intro, bio ON profiles
    FOR EACH ROW EXECUTE FUNCTION person_words_part();
CREATE TRIGGER person_words_skill AFTER INSERT OR DELETE OR UPDATE OF name, user_id ON skills
    FOR EACH ROW EXECUTE FUNCTION person_words_part();

CREATE FUNCTION write_project_words(project bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM projects WHERE id = project FOR NO KEY UPDATE;
    INSERT INTO project_words SELECT id, word_vector(title, rest) FROM project_texts WHERE id = project
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
CREATE FUNCTION project_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_project_words(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER project_words AFTER INSERT OR UPDATE OF title, description ON projects
    FOR EACH ROW EXECUTE FUNCTION project_words();
CREATE FUNCTION project_words_tag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM write_project_words(OLD.project_id);
    ELSE
        PERFORM write_project_words(NEW.project_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER project_words_tag AFTER INSERT OR DELETE ON project_tags
    FOR EACH ROW EXECUTE FUNCTION project_words_tag();
CREATE FUNCTION project_words_tag_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM write_project_words(project_id) FROM project_tags WHERE tag_id = NEW.id ORDER BY project_id;
    RETURN NULL;
END $$;
CREATE TRIGGER project_words_tag_name AFTER UPDATE OF name ON tags
    FOR EACH ROW EXECUTE FUNCTION project_words_tag_name();
