CREATE FUNCTION word_vector(title text, rest text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT setweight(to_tsvector('simple', plain_words(left(title, 1000))), 'A')
                 || to_tsvector('simple', plain_words(left(rest, 100000))) $$;
CREATE OR REPLACE FUNCTION message_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.deleted IS NULL AND NOT NEW.in_lobby THEN
        INSERT INTO message_words VALUES (NEW.id, strip(word_vector('', NEW.body)))
            ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
    ELSIF TG_OP = 'UPDATE' THEN
        DELETE FROM message_words WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION write_room_words(room bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM rooms WHERE id = room FOR NO KEY UPDATE;
    DELETE FROM room_words w WHERE w.id = room AND NOT EXISTS (SELECT 1 FROM room_texts t WHERE t.id = room);
    INSERT INTO room_words SELECT id, word_vector(title, rest) FROM room_texts WHERE id = room
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
CREATE OR REPLACE FUNCTION write_person_words(person bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = person FOR NO KEY UPDATE;
    DELETE FROM person_words w WHERE w.id = person AND NOT EXISTS (SELECT 1 FROM person_texts t WHERE t.id = person);
    INSERT INTO person_words SELECT id, word_vector(title, rest) FROM person_texts WHERE id = person
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
CREATE OR REPLACE FUNCTION write_project_words(project bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM projects WHERE id = project FOR NO KEY UPDATE;
    INSERT INTO project_words SELECT id, word_vector(title, rest) FROM project_texts WHERE id = project
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words;
END $$;
DROP FUNCTION word_vector(text);
ALTER TABLE room_words DROP COLUMN titles;
ALTER TABLE person_words DROP COLUMN titles;
ALTER TABLE project_words DROP COLUMN titles;
UPDATE room_words w SET words = word_vector(t.title, t.rest) FROM room_texts t WHERE t.id = w.id;
UPDATE person_words w SET words = word_vector(t.title, t.rest) FROM person_texts t WHERE t.id = w.id;
UPDATE project_words w SET words = word_vector(t.title, t.rest) FROM project_texts t WHERE t.id = w.id;
