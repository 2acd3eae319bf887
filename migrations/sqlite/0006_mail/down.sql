ALTER TABLE users DROP COLUMN reset_serial;
DROP TABLE outbox;
