CREATE INDEX skills_user ON skills (user_id);
DROP INDEX skills_name;
ALTER TABLE skills DROP COLUMN name_key;
