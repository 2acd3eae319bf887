-- How many rooms a topic has, kept by the database itself, so that lists of topics need not count all rooms.
ALTER TABLE topics ADD COLUMN rooms_count BIGINT NOT NULL DEFAULT 0;
UPDATE topics SET rooms_count = (SELECT count(*) FROM rooms WHERE topic_id = topics.id);
CREATE INDEX topics_order ON topics (rooms_count DESC, name_key);

-- Once for all rooms of a statement: an import brings thousands. Topics are locked in the order of their numbers, here and
-- below, so that two who move rooms across each other wait and do not block each other for good; and without their key, which every
-- new room has locked for its reference.
CREATE FUNCTION count_rooms_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM topics WHERE id IN (SELECT topic_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE topics SET rooms_count = rooms_count + n
        FROM (SELECT topic_id, count(*) AS n FROM changed GROUP BY topic_id) AS c WHERE topics.id = c.topic_id;
    RETURN NULL;
END $$;
CREATE FUNCTION count_rooms_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM topics WHERE id IN (SELECT topic_id FROM changed) ORDER BY id FOR NO KEY UPDATE;
    UPDATE topics SET rooms_count = rooms_count - n
        FROM (SELECT topic_id, count(*) AS n FROM changed GROUP BY topic_id) AS c WHERE topics.id = c.topic_id;
    RETURN NULL;
END $$;
CREATE FUNCTION count_rooms_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM topics WHERE id IN (OLD.topic_id, NEW.topic_id) ORDER BY id FOR NO KEY UPDATE;
    UPDATE topics SET rooms_count = rooms_count + CASE WHEN id = NEW.topic_id THEN 1 ELSE -1 END
        WHERE id IN (OLD.topic_id, NEW.topic_id);
    RETURN NULL;
END $$;
CREATE TRIGGER rooms_opened AFTER INSERT ON rooms REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_rooms_opened();
CREATE TRIGGER rooms_deleted AFTER DELETE ON rooms REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION count_rooms_deleted();
CREATE TRIGGER rooms_moved AFTER UPDATE OF topic_id ON rooms
    FOR EACH ROW WHEN (OLD.topic_id IS DISTINCT FROM NEW.topic_id) EXECUTE FUNCTION count_rooms_moved();
