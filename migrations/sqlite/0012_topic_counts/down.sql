DROP TRIGGER rooms_moved;
DROP TRIGGER rooms_deleted;
DROP TRIGGER rooms_opened;
DROP INDEX topics_order;
ALTER TABLE topics DROP COLUMN rooms_count;
