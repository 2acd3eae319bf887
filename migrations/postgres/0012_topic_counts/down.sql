DROP TRIGGER rooms_moved ON rooms;
DROP TRIGGER rooms_deleted ON rooms;
DROP TRIGGER rooms_opened ON rooms;
DROP FUNCTION count_rooms_moved;
DROP FUNCTION count_rooms_deleted;
DROP FUNCTION count_rooms_opened;
DROP INDEX topics_order;
ALTER TABLE topics DROP COLUMN rooms_count;
