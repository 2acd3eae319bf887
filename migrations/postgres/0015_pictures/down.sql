-- The files stay in the storage.
DROP INDEX projects_featured_image;
ALTER TABLE projects DROP COLUMN featured_image;
ALTER TABLE projects ADD COLUMN featured_image TEXT;
DROP INDEX users_picture;
ALTER TABLE users DROP COLUMN picture;
DROP TABLE pictures;
