-- Pictures that people bring. The name tells shape, content and size (src/kit/pictures/name.rs); the files are in the storage.
-- unused_since: nothing has pointed at it since then, as far as was looked. doomed: it is being deleted since then.
CREATE TABLE pictures (
    name         TEXT PRIMARY KEY NOT NULL,
    created      TIMESTAMP NOT NULL,
    unused_since TIMESTAMP,
    doomed       TIMESTAMP
);
CREATE INDEX pictures_unused ON pictures (unused_since) WHERE unused_since IS NOT NULL;

-- No cascade: a picture in use cannot be deleted.
ALTER TABLE users ADD COLUMN picture TEXT REFERENCES pictures (name);
CREATE INDEX users_picture ON users (picture) WHERE picture IS NOT NULL;

-- Until now nothing was ever kept there.
ALTER TABLE projects DROP COLUMN featured_image;
ALTER TABLE projects ADD COLUMN featured_image TEXT REFERENCES pictures (name);
CREATE INDEX projects_featured_image ON projects (featured_image) WHERE featured_image IS NOT NULL;
