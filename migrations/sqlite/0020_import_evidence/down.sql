ALTER TABLE import_ids DROP COLUMN evidence;
