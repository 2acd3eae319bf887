-- The words of titles by themselves. As a weight within all words they were in no index: whoever looked for a word in a title read
-- every text that has it anywhere. Where in a text a word stands is kept no more, since nobody asks: half the pages to read.
ALTER TABLE room_words ADD COLUMN titles tsvector;
ALTER TABLE person_words ADD COLUMN titles tsvector;
ALTER TABLE project_words ADD COLUMN titles tsvector;
UPDATE room_words SET titles = strip(ts_filter(words, '{a}')), words = strip(words);
UPDATE person_words SET titles = strip(ts_filter(words, '{a}')), words = strip(words);
UPDATE project_words SET titles = strip(ts_filter(words, '{a}')), words = strip(words);
ALTER TABLE room_words ALTER COLUMN titles SET NOT NULL;
ALTER TABLE person_words ALTER COLUMN titles SET NOT NULL;
ALTER TABLE project_words ALTER COLUMN titles SET NOT NULL;
CREATE INDEX room_words_titles ON room_words USING gin (titles) WITH (gin_pending_list_limit = 256);
CREATE INDEX person_words_titles ON person_words USING gin (titles) WITH (gin_pending_list_limit = 256);
CREATE INDEX project_words_titles ON project_words USING gin (titles) WITH (gin_pending_list_limit = 256);

CREATE FUNCTION word_vector(text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT strip(to_tsvector('simple', plain_words(left($1, 100000)))) $$;

CREATE OR REPLACE FUNCTION message_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.deleted IS NULL AND NOT NEW.in_lobby THEN
        INSERT INTO message_words VALUES (NEW.id, word_vector(NEW.body))
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
    INSERT INTO room_words (id, words, titles)
        SELECT id, word_vector(title || ' ' || rest), word_vector(title) FROM room_texts WHERE id = room
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words, titles = EXCLUDED.titles;
END $$;
CREATE OR REPLACE FUNCTION write_person_words(person bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM users WHERE id = person FOR NO KEY UPDATE;
    DELETE FROM person_words w WHERE w.id = person AND NOT EXISTS (SELECT 1 FROM person_texts t WHERE t.id = person);
    INSERT INTO person_words (id, words, titles)
        SELECT id, word_vector(title || ' ' || rest), word_vector(title) FROM person_texts WHERE id = person
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words, titles = EXCLUDED.titles;
END $$;
CREATE OR REPLACE FUNCTION write_project_words(project bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM projects WHERE id = project FOR NO KEY UPDATE;
    INSERT INTO project_words (id, words, titles)
        SELECT id, word_vector(title || ' ' || rest), word_vector(title) FROM project_texts WHERE id = project
        ON CONFLICT (id) DO UPDATE SET words = EXCLUDED.words, titles = EXCLUDED.titles;
END $$;
DROP FUNCTION word_vector(text, text);
