-- How many rooms a topic has, kept by the database itself, so that lists of topics need not count all rooms.
ALTER TABLE topics ADD COLUMN rooms_count BIGINT NOT NULL DEFAULT 0;
UPDATE topics SET rooms_count = (SELECT count(*) FROM rooms WHERE topic_id = topics.id);
CREATE INDEX topics_order ON topics (rooms_count DESC, name_key);

CREATE TRIGGER rooms_opened AFTER INSERT ON rooms WHEN NEW.topic_id IS NOT NULL BEGIN
    UPDATE topics SET rooms_count = rooms_count + 1 WHERE id = NEW.topic_id;
END;
CREATE TRIGGER rooms_deleted AFTER DELETE ON rooms WHEN OLD.topic_id IS NOT NULL BEGIN
    UPDATE topics SET rooms_count = rooms_count - 1 WHERE id = OLD.topic_id;
END;
CREATE TRIGGER rooms_moved AFTER UPDATE OF topic_id ON rooms WHEN OLD.topic_id IS NOT NEW.topic_id BEGIN
    UPDATE topics SET rooms_count = rooms_count - 1 WHERE id = OLD.topic_id;
    UPDATE topics SET rooms_count = rooms_count + 1 WHERE id = NEW.topic_id;
END;
